import * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import type { CostlyRow, RowSourceFile, StepRowsReport, ToRows } from "../../protocol/rowsView";
import type { FromRunPanel } from "../../protocol/webview";
import { presentRowLossFiles, readRowLossFiles } from "../../run/rowLossFiles";
import { JobCancelled, runJob } from "../jobs/runJob";
import { readSettings } from "../settings";
import { openRow } from "./openRow";
import { parseStepRows } from "./rowsMessages";
import type { RunPart, RunPartContext } from "./runPart";

type StepRows = Extract<ToRows, { type: "stepRows" }>;
type RowLosses = Extract<ToRows, { type: "rowLosses" }>;

/** The rows of a step that was chosen, and those that cost most in the last pass. */
export class RowsPart implements RunPart {
  #stepRows: StepRows = { type: "stepRows", state: "none" };
  #rowLosses: RowLosses = { type: "rowLosses", state: "none" };
  #reading: AbortController | undefined;
  /** Of the pass that was read last. */
  #read = "";
  /** Tables of row losses that the page knows of. */
  #files: string[] = [];
  readonly #written: vscode.Disposable;

  constructor(private readonly context: RunPartContext) {
    this.#written = context.services.rowLossFiles.onDidWrite((run) => {
      if (run === context.run) void this.#showFiles();
    });
  }

  async show(): Promise<void> {
    this.context.post(this.#stepRows);
    this.context.post(this.#rowLosses);
    this.update();
    await this.#showFiles();
  }

  update(): void {
    const { run, services } = this.context;
    const key = services.rowLosses.keyOf(run);
    if (key === null || key === this.#read) return;
    this.#read = key;
    if (this.#rowLosses.state === "none") this.#tellLosses({ type: "rowLosses", state: "loading" });
    services.rowLosses.read(run).then(
      (report) => {
        if (this.#read === key) this.#tellLosses({ type: "rowLosses", state: "ready", report });
      },
      (error: unknown) => {
        if (this.#read !== key) return;
        this.#tellLosses({ type: "rowLosses", state: "error", message: describeError(error) });
      },
    );
  }

  async receive(message: FromRunPanel): Promise<boolean> {
    switch (message.type) {
      case "showStepRows":
        await this.#showStep(message.step);
        return true;
      case "openRunRow": {
        const path = this.#sourcesOf(message.list)[message.source]?.path;
        if (path !== undefined) await openRow(vscode.Uri.file(path), message.row);
        return true;
      }
      case "copyRowLosses":
        if (this.#rowLosses.state === "ready") {
          const { worst, sources } = this.#rowLosses.report;
          await vscode.env.clipboard.writeText(asLines(worst, sources));
        }
        return true;
      case "openRowLossFile": {
        const file = this.#files[message.file];
        if (file !== undefined) await vscode.commands.executeCommand("vscode.open", vscode.Uri.file(file));
        return true;
      }
      case "saveRowLosses":
        await vscode.commands.executeCommand("tunesmith.saveRowLosses", this.context.run.directory);
        return true;
      default:
        return false;
    }
  }

  #sourcesOf(list: "step" | "worst"): readonly RowSourceFile[] {
    const shown = list === "step" ? this.#stepRows : this.#rowLosses;
    return shown.state === "ready" ? shown.report.sources : [];
  }

  async #showStep(step: number): Promise<void> {
    this.#reading?.abort();
    const reading = new AbortController();
    this.#reading = reading;
    this.#tellStep({ type: "stepRows", state: "loading", step });
    try {
      const report = await this.#readStep(step, reading.signal);
      if (this.#reading === reading) this.#tellStep({ type: "stepRows", state: "ready", report });
    } catch (error) {
      if (error instanceof JobCancelled || this.#reading !== reading) return;
      this.#tellStep({ type: "stepRows", state: "error", step, message: describeError(error) });
    }
  }

  async #readStep(step: number, signal: AbortSignal): Promise<StepRowsReport> {
    const { run, services } = this.context;
    const { enginePath } = readSettings();
    const args = ["runs", "rows", run.directory, `--step=${step}`];
    if (enginePath !== "") args.push(`--engine=${enginePath}`);
    return parseStepRows(await runJob({ extensionPath: services.extension.extensionPath, args, signal }));
  }

  async #showFiles(): Promise<void> {
    const written = await readRowLossFiles(this.context.run.directory);
    if (written === null) return;
    this.#files = (await presentRowLossFiles(written)).map(({ file }) => file);
    this.context.post({ type: "rowLossFiles", pass: written.pass, files: this.#files });
  }

  #tellStep(message: StepRows): void {
    this.#stepRows = message;
    this.context.post(message);
  }

  #tellLosses(message: RowLosses): void {
    this.#rowLosses = message;
    this.context.post(message);
  }

  dispose(): void {
    this.#reading?.abort();
    this.#written.dispose();
  }
}

/** One row a line, with tabs between: file and line, loss, tokens, how it begins. */
function asLines(rows: readonly CostlyRow[], sources: readonly RowSourceFile[]): string {
  return rows
    .map(({ source, row, loss, tokens, preview }) =>
      [`${sources[source]?.path ?? ""}:${row}`, loss?.toFixed(3) ?? "", tokens, preview].join("\t"),
    )
    .join("\n");
}
