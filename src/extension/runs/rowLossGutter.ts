import * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import type { RowLossReport } from "../../protocol/rowsView";
import type { Services } from "../context";
import { loss } from "../figures";
import { JobCancelled } from "../jobs/runJob";
import { moveMarks, type RowMark } from "./rowMarks";
import type { TrackedRun } from "./runRegistry";

const SHOWN_KEY = "rowLossesShown";

interface MarkedDocument {
  /** Which pass of which run the marks are of. */
  key: string;
  marks: RowMark[];
  hover: (mark: RowMark) => string;
}

/**
 * Marks the rows that cost most in the editor of a data set: those of the newest run on it that has recorded what its
 * rows cost, as long as the file is the one of that run. The marks move with their rows, and go where one is changed.
 */
export class RowLossGutter implements vscode.Disposable {
  readonly #documents = new Map<string, MarkedDocument>();
  readonly #loading = new Set<string>();
  readonly #decoration: vscode.TextEditorDecorationType;
  readonly #subscriptions: vscode.Disposable[];

  constructor(private readonly services: Pick<Services, "extension" | "log" | "runs" | "rowLosses">) {
    const { extensionUri } = services.extension;
    const icon = (theme: string) => vscode.Uri.joinPath(extensionUri, "media", `row-loss-${theme}.svg`);
    this.#decoration = vscode.window.createTextEditorDecorationType({
      isWholeLine: true,
      gutterIconSize: "contain",
      light: { gutterIconPath: icon("light") },
      dark: { gutterIconPath: icon("dark") },
      overviewRulerColor: new vscode.ThemeColor("tunesmith.rowLossRuler"),
      overviewRulerLane: vscode.OverviewRulerLane.Left,
      // A row that is put in before or after a marked one is not marked.
      rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    });
    this.#subscriptions = [
      this.#decoration,
      services.runs.onDidChange(() => this.#refresh()),
      services.runs.onDidUpdate(({ run }) => this.#onUpdate(run)),
      vscode.window.onDidChangeVisibleTextEditors(() => this.#refresh()),
      vscode.workspace.onDidChangeTextDocument((event) => this.#onEdit(event)),
      vscode.workspace.onDidCloseTextDocument((document) => this.#documents.delete(document.uri.toString())),
    ];
  }

  get shown(): boolean {
    return this.services.extension.workspaceState.get(SHOWN_KEY, true);
  }

  /** Shows them where they were hidden, and hides them where they were shown; true: they are shown now. */
  async toggle(): Promise<boolean> {
    const shown = !this.shown;
    await this.services.extension.workspaceState.update(SHOWN_KEY, shown);
    if (shown) this.#refresh();
    else for (const editor of vscode.window.visibleTextEditors) editor.setDecorations(this.#decoration, []);
    return shown;
  }

  /**
   * What a marked row cost, before all that the language server says of it: a decoration's own message comes last, below
   * a prompt that may fill the hover.
   */
  adaptHover(
    document: vscode.TextDocument,
    position: vscode.Position,
    hover: vscode.Hover | undefined,
  ): vscode.Hover | undefined {
    const known = this.shown ? this.#documents.get(document.uri.toString()) : undefined;
    const mark = known?.marks.find(({ line }) => line === position.line);
    if (known === undefined || mark === undefined) return hover;
    const cost = new vscode.MarkdownString().appendText(known.hover(mark));
    return new vscode.Hover([cost, ...(hover?.contents ?? [])], hover?.range);
  }

  /** The run whose losses a file's rows would show; undefined: there is none. */
  runOf(document: vscode.TextDocument): TrackedRun | undefined {
    if (!isDataset(document)) return undefined;
    const { fsPath } = document.uri;
    return this.services.runs.runs.find((run) => {
      if (run.history.rowLosses.length === 0) return false;
      const { path, mixture = [] } = run.spec.dataset;
      return path === fsPath || mixture.some((mixed) => mixed.path === fsPath);
    });
  }

  /** Follows a run only where its losses are new: it is told of at every step. */
  #onUpdate(run: TrackedRun): void {
    const key = this.services.rowLosses.keyOf(run);
    if (key === null || [...this.#documents.values()].some((known) => known.key === key)) return;
    this.#refresh();
  }

  #refresh(): void {
    // The newest run counts, which need not be the first that is read.
    if (!this.shown || !this.services.runs.loaded) return;
    for (const editor of vscode.window.visibleTextEditors) {
      if (isDataset(editor.document)) void this.#show(editor.document);
    }
  }

  async #show(document: vscode.TextDocument): Promise<void> {
    const run = this.runOf(document);
    const uri = document.uri.toString();
    const key = run === undefined ? null : this.services.rowLosses.keyOf(run);
    if (run === undefined || key === null) return;
    if (this.#documents.get(uri)?.key !== key) {
      // The rows of a text that was edited need not be those of the file.
      if (this.#loading.has(uri) || document.isDirty) return;
      this.#loading.add(uri);
      try {
        const { version } = document;
        const report = await this.services.rowLosses.read(run);
        if (document.version !== version || document.isDirty) return;
        this.#documents.set(uri, { key, ...marksFor(document, report, run) });
      } catch (error) {
        if (error instanceof JobCancelled) return;
        this.services.log.warn(describeError(error));
        // Not tried again before the next pass: a run that goes on is heard of at every step.
        this.#documents.set(uri, { key, marks: [], hover: () => "" });
      } finally {
        this.#loading.delete(uri);
      }
    }
    this.#draw(document);
  }

  #draw(document: vscode.TextDocument): void {
    if (!this.shown) return;
    const known = this.#documents.get(document.uri.toString());
    if (known === undefined) return;
    const ranges = known.marks.map((mark) => new vscode.Range(mark.line, 0, mark.line, mark.length));
    for (const editor of vscode.window.visibleTextEditors) {
      if (editor.document === document) editor.setDecorations(this.#decoration, ranges);
    }
  }

  #onEdit({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    const known = this.#documents.get(document.uri.toString());
    if (known === undefined || contentChanges.length === 0) return;
    const before = known.marks.length;
    known.marks = moveMarks(known.marks, contentChanges);
    // VS Code moves them itself; only where one goes they are set anew.
    if (known.marks.length < before) this.#draw(document);
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}

function isDataset({ uri, languageId }: vscode.TextDocument): boolean {
  return uri.scheme === "file" && languageId === "jsonl";
}

function marksFor(
  document: vscode.TextDocument,
  report: RowLossReport,
  run: TrackedRun,
): Pick<MarkedDocument, "marks" | "hover"> {
  const { pass, median, sources, marked } = report;
  const name = run.name;
  const hover = (mark: RowMark) =>
    vscode.l10n.t("Loss {0} in pass {1} of {2} (median {3})", loss(mark.loss), pass, name, loss(median));
  const index = sources.findIndex(({ path }) => path === document.uri.fsPath);
  if (sources[index]?.state !== "unchanged") return { marks: [], hover };
  const marks = marked[index]!.flatMap(({ row, loss: cost }) => {
    const line = row - 1;
    return line < document.lineCount ? [{ line, length: document.lineAt(line).text.length, loss: cost }] : [];
  });
  return { marks, hover };
}
