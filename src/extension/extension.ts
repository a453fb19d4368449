import * as vscode from "vscode";
import { registerCommands } from "./commands";
import { ModelComparison } from "./completion/comparison/modelComparison";
import { CompletionController } from "./completion/completionController";
import { CompletionContext } from "./completion/context/completionContext";
import { PromptDocument } from "./completion/context/promptDocument";
import { GiveWay } from "./completion/giveWay";
import { CompletionSwitch } from "./completion/isEnabled";
import { InlineCompletions } from "./completion/provider";
import { CompletionStatistics } from "./completion/statistics/completionStatistics";
import { StatisticsDocuments } from "./completion/statistics/statisticsDocuments";
import type { Services } from "./context";
import { CodeLensCommands } from "./datasets/codeLensCommands";
import { DATASET_VIEW_TYPE, DatasetViews } from "./datasets/datasetViews";
import { FormatStatus } from "./datasets/formatStatus";
import { normaliseAction } from "./datasets/normaliseAction";
import { ProblemReporter } from "./datasets/problemReporter";
import { RowDocuments } from "./datasets/rowDocument";
import { LanguageServer } from "./languageServer";
import { ModelCatalogue } from "./models/modelCatalogue";
import { COMPARE_VIEW_TYPE, ComparePanels } from "./panels/comparePanels";
import { RunPanels, VIEW_TYPE } from "./panels/runPanels";
import { InterruptedStarts } from "./runs/interruptedStarts";
import { NotesDocuments } from "./runs/notesDocument";
import { RunNotifications } from "./runs/notifications";
import { OpenRunCommands } from "./runs/openRunCommands";
import { Preparations, unattended } from "./runs/preparations";
import { RowLossFileWriter } from "./runs/rowLossFiles";
import { RowLossGutter } from "./runs/rowLossGutter";
import { RowLossReader } from "./runs/rowLossReader";
import { RunContextKeys } from "./runs/runContextKeys";
import { RunEvaluations } from "./runs/runEvaluations";
import { RunQueue } from "./runs/runQueue";
import { RunRegistry } from "./runs/runRegistry";
import { RunSearch } from "./runs/runSearch";
import { goOn, launchPrepared } from "./runs/startRun";
import { UnansweredStops } from "./runs/unansweredStops";
import { StatusBar } from "./statusBar";
import { ModelsTree } from "./views/modelsTree";
import { NowView } from "./views/nowView";
import { RunsTree } from "./views/runsTree";

/** Wires and registers; whatever costs time waits until it is needed. */
export function activate(extension: vscode.ExtensionContext): void {
  const services = createServices(extension);
  const { runs, queue, openRunCommands, runSearch, notesDocuments, completion, panels, comparisons, problems, models } =
    services;
  const { languageServer, rowDocuments, datasetViews, log } = services;
  extension.subscriptions.push(
    log,
    runs,
    queue,
    services.preparations,
    services.unansweredStops,
    openRunCommands,
    runSearch,
    notesDocuments,
    services.evaluations,
    completion,
    services.completionContext,
    services.promptDocument,
    services.completionSwitch,
    services.modelComparison,
    services.statisticsDocuments,
    services.completionStatistics,
    panels,
    comparisons,
    datasetViews,
    problems,
    vscode.languages.registerCodeActionsProvider({ scheme: "file", language: "jsonl" }, normaliseAction),
    models,
    ...registerCommands(services),
    ...registerViews(services),
    services.rowLosses,
    services.rowLossFiles,
    services.rowLossGutter,
    new StatusBar(services),
    new InlineCompletions(services),
    new RunContextKeys(services),
    new GiveWay(services),
    new RunNotifications(services),
    new InterruptedStarts(runs, log, (run) => goOn(services, run, unattended())),
    vscode.window.registerWebviewPanelSerializer(VIEW_TYPE, panels),
    vscode.window.registerWebviewPanelSerializer(COMPARE_VIEW_TYPE, comparisons),
    vscode.window.registerWebviewPanelSerializer(DATASET_VIEW_TYPE, datasetViews),
    languageServer,
    new FormatStatus(languageServer),
    rowDocuments,
    vscode.workspace.onDidGrantWorkspaceTrust(() => takeUp(services)),
  );
  setImmediate(() => takeUp(services));
}

function createServices(extension: vscode.ExtensionContext): Services {
  const log = vscode.window.createOutputChannel("Tunesmith", { log: true });
  const lenses = new CodeLensCommands(() => services);
  extension.subscriptions.push(lenses);
  const languageServer = new LanguageServer(extension, log, {
    adaptLenses: (found) => lenses.adaptLenses(found),
    adaptHover: (document, position, hover) => services.rowLossGutter.adaptHover(document, position, hover),
    onDidChangeLenses: lenses.onDidChangeLenses,
  });
  const runs = new RunRegistry(log);
  const rowLosses = new RowLossReader(extension.extensionPath);
  const completion = new CompletionController(extension, log);
  const completionStatistics = new CompletionStatistics(extension, log, runs);
  const statisticsDocuments = new StatisticsDocuments(completionStatistics);
  const services: Services = {
    extension,
    log,
    runs,
    evaluations: new RunEvaluations(extension, log, runs),
    queue: new RunQueue(runs, log, (run) => launchPrepared(services, run)),
    preparations: new Preparations(),
    unansweredStops: new UnansweredStops(() => services),
    rowLosses,
    rowLossFiles: new RowLossFileWriter({ extension, log, runs, rowLosses }),
    rowLossGutter: new RowLossGutter({ extension, log, runs, rowLosses }),
    runSearch: new RunSearch(),
    notesDocuments: new NotesDocuments(runs),
    models: new ModelCatalogue(extension),
    completion,
    completionContext: new CompletionContext(completion),
    promptDocument: new PromptDocument(completion),
    completionSwitch: new CompletionSwitch(extension),
    completionStatistics,
    statisticsDocuments,
    modelComparison: new ModelComparison(extension, completion, completionStatistics, statisticsDocuments),
    openRunCommands: new OpenRunCommands(),
    panels: new RunPanels(() => services),
    comparisons: new ComparePanels(() => services),
    datasetViews: new DatasetViews(() => services),
    problems: new ProblemReporter(extension.extensionPath),
    languageServer,
    rowDocuments: new RowDocuments(languageServer),
  };
  return services;
}

function registerViews(services: Services): vscode.Disposable[] {
  const now = new NowView(services);
  const runsTree = new RunsTree(services);
  const modelsTree = new ModelsTree(services);
  return [
    now,
    runsTree,
    modelsTree,
    vscode.window.registerWebviewViewProvider("tunesmith.now", now),
    vscode.window.registerTreeDataProvider("tunesmith.models", modelsTree),
  ];
}

/** After activation: runs that may be going on, and the model of the last session. An untrusted folder gets neither. */
function takeUp({ runs, completion, modelComparison, log }: Services): void {
  if (!vscode.workspace.isTrusted) return;
  completion.restore();
  modelComparison.restore().catch((error: unknown) => log.error(String(error)));
  if (RunRegistry.hasRuns()) runs.load().catch((error: unknown) => log.error(String(error)));
}
