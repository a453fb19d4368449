import * as vscode from "vscode";
import { comparisonResult } from "../comparison/comparisonResult";
import type { CompletionStatistics } from "./completionStatistics";
import { comparisonReport, statisticsReport } from "./statisticsReport";
import { summarise } from "./summary";

const SCHEME = "tunesmith-statistics";
/** What is open is written anew at most so often. */
const REFRESH_MS = 1000;

/** The statistics, and the results of comparisons, as Markdown documents that VS Code's own preview shows. */
export class StatisticsDocuments implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.#changed.event;
  readonly #subscriptions: vscode.Disposable[];
  #refresh: NodeJS.Timeout | undefined;

  constructor(private readonly statistics: CompletionStatistics) {
    this.#subscriptions = [
      this.#changed,
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      statistics.onDidChange(() => {
        this.#refresh ??= setTimeout(() => this.#tell(), REFRESH_MS);
      }),
    ];
  }

  #tell(): void {
    this.#refresh = undefined;
    for (const { uri } of vscode.workspace.textDocuments) if (uri.scheme === SCHEME) this.#changed.fire(uri);
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const { events, leftOut } = await this.statistics.read();
    if (uri.query === "") return statisticsReport(summarise(events), leftOut);
    const result = comparisonResult(events, uri.query);
    return result === null
      ? vscode.l10n.t("This comparison has been cleared with the statistics.")
      : comparisonReport(result);
  }

  async open(): Promise<void> {
    await show(vscode.Uri.from({ scheme: SCHEME, path: `/${vscode.l10n.t("Completion statistics")}.md` }));
  }

  async openComparison(id: string): Promise<void> {
    await show(vscode.Uri.from({ scheme: SCHEME, path: `/${vscode.l10n.t("Comparison of models")}.md`, query: id }));
  }

  dispose(): void {
    clearTimeout(this.#refresh);
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}

/** In the preview, or as text where VS Code's Markdown extension is turned off. */
async function show(uri: vscode.Uri): Promise<void> {
  const document = await vscode.workspace.openTextDocument(uri);
  try {
    await vscode.commands.executeCommand("markdown.showPreview", uri);
  } catch {
    await vscode.window.showTextDocument(document);
  }
}
