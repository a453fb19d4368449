import { stat } from "node:fs/promises";
import { join } from "node:path";
import * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import { adapterSha256, readReport } from "../../evaluation/report/reportFiles";
import type { EvaluationReport } from "../../protocol/evaluation";
import type { EvaluationView } from "../../protocol/evaluationView";
import { runPaths } from "../../run/runDirectory";
import { JobCancelled, runJob } from "../jobs/runJob";
import { readSettings } from "../settings";
import { CodePermission } from "./codePermission";
import type { TrackedRun } from "./runRegistry";

/** An evaluation as it lies in the run directory. */
export interface ReadEvaluation {
  report: EvaluationReport | null;
  /** The adapter is another one than the report's. */
  stale: boolean;
  /** Why the report cannot be read; null: it can, or there is none. */
  failure: string | null;
}

interface Going {
  abort: AbortController;
  progress: NonNullable<EvaluationView["progress"]>;
}

/** Evaluations of runs: those that go on, each a job of its own, and the reports of those that have ended. */
export class RunEvaluations implements vscode.Disposable {
  readonly permission: CodePermission;
  readonly #changed = new vscode.EventEmitter<string>();
  /** Something about the evaluation of the run in this directory has changed. */
  readonly onDidChange = this.#changed.event;
  readonly #going = new Map<string, Going>();
  readonly #failures = new Map<string, string>();
  /** Hashing an adapter reads all of it: once for each that is written. */
  readonly #hashes = new Map<string, { written: string; sha256: string | null }>();

  constructor(
    private readonly extension: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.permission = new CodePermission(extension.workspaceState);
  }

  /** Evaluates the run unless that goes on already. Resolves when it has ended, however it did. */
  async start(run: TrackedRun): Promise<void> {
    const { directory } = run;
    if (this.#going.has(directory)) return;
    const abort = new AbortController();
    const stage = vscode.l10n.t("Reading the run");
    this.#going.set(directory, { abort, progress: { stage, fraction: null, detail: null } });
    this.#failures.delete(directory);
    this.#changed.fire(directory);
    try {
      await this.#run(directory, abort.signal);
      this.log.info(`${run.id}: evaluated`);
    } catch (error) {
      if (!(error instanceof JobCancelled)) {
        this.log.error(`${run.id}: ${describeError(error)}`);
        this.#failures.set(directory, describeError(error));
      }
    } finally {
      this.#going.delete(directory);
      this.#changed.fire(directory);
    }
  }

  async #run(directory: string, signal: AbortSignal): Promise<void> {
    const { enginePath, threads } = readSettings();
    const engine = enginePath === "" ? [] : ["--engine", enginePath];
    const code = this.permission.given ? ["--run-code"] : [];
    await runJob({
      extensionPath: this.extension.extensionPath,
      args: ["runs", "evaluate", directory, ...engine, "--threads", String(threads), ...code],
      signal,
      onProgress: (stage, fraction, detail) => {
        const going = this.#going.get(directory);
        if (going === undefined) return;
        going.progress = { stage, fraction, detail: detail ?? null };
        this.#changed.fire(directory);
      },
    });
  }

  cancel(directory: string): void {
    this.#going.get(directory)?.abort.abort();
  }

  progress(directory: string): EvaluationView["progress"] {
    return this.#going.get(directory)?.progress ?? null;
  }

  failure(directory: string): string | null {
    return this.#failures.get(directory) ?? null;
  }

  /** Never throws: what cannot be read is told in words. */
  async read(directory: string): Promise<ReadEvaluation> {
    try {
      const report = await readReport(directory);
      const stale = report !== null && (await this.#adapterHash(directory)) !== report.adapter.sha256;
      return { report, stale, failure: null };
    } catch (error) {
      return { report: null, stale: false, failure: describeError(error) };
    }
  }

  async #adapterHash(directory: string): Promise<string | null> {
    const file = join(runPaths(directory).adapter, "adapter_model.safetensors");
    const status = await stat(file).catch(() => undefined);
    const written = status === undefined ? "" : `${status.ino} ${status.size} ${status.mtimeMs}`;
    const known = this.#hashes.get(directory);
    if (known?.written === written) return known.sha256;
    const sha256 = await adapterSha256(directory);
    this.#hashes.set(directory, { written, sha256 });
    return sha256;
  }

  dispose(): void {
    for (const { abort } of this.#going.values()) abort.abort();
    this.#changed.dispose();
  }
}
