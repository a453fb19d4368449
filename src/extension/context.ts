import type * as vscode from "vscode";
import type { CompletionController } from "./completion/completionController";
import type { CompletionContext } from "./completion/context/completionContext";
import type { CompletionSwitch } from "./completion/isEnabled";
import type { CompletionStatistics } from "./completion/statistics/completionStatistics";
import type { DatasetViews } from "./datasets/datasetViews";
import type { ProblemReporter } from "./datasets/problemReporter";
import type { RowDocuments } from "./datasets/rowDocument";
import type { LanguageServer } from "./languageServer";
import type { ModelCatalogue } from "./models/modelCatalogue";
import type { ComparePanels } from "./panels/comparePanels";
import type { RunPanels } from "./panels/runPanels";
import type { NotesDocuments } from "./runs/notesDocument";
import type { OpenRunCommands } from "./runs/openRunCommands";
import type { RowLossGutter } from "./runs/rowLossGutter";
import type { RowLossReader } from "./runs/rowLossReader";
import type { RunEvaluations } from "./runs/runEvaluations";
import type { RunQueue } from "./runs/runQueue";
import type { RunRegistry } from "./runs/runRegistry";
import type { RunSearch } from "./runs/runSearch";

/** What commands, views and panels share: made once in activate(), disposed with the extension. */
export interface Services {
  readonly extension: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  readonly runs: RunRegistry;
  readonly evaluations: RunEvaluations;
  readonly queue: RunQueue;
  readonly rowLosses: RowLossReader;
  readonly rowLossGutter: RowLossGutter;
  readonly runSearch: RunSearch;
  readonly notesDocuments: NotesDocuments;
  readonly models: ModelCatalogue;
  readonly completion: CompletionController;
  readonly completionContext: CompletionContext;
  readonly completionSwitch: CompletionSwitch;
  readonly completionStatistics: CompletionStatistics;
  readonly openRunCommands: OpenRunCommands;
  readonly panels: RunPanels;
  readonly comparisons: ComparePanels;
  readonly problems: ProblemReporter;
  readonly datasetViews: DatasetViews;
  readonly languageServer: LanguageServer;
  readonly rowDocuments: RowDocuments;
}
