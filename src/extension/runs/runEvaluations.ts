import { stat } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import {
  askForEvaluation,
  type EvaluationProgress,
  evaluationIsAskedFor,
  evaluationUnderWay,
  withdrawEvaluation,
} from "../../evaluation/report/evaluationMark";
import { adapterSha256, readReport } from "../../evaluation/report/reportFiles";
import type { EvaluationReport } from "../../protocol/evaluation";
import type { EvaluationView } from "../../protocol/evaluationView";
import { runPaths } from "../../run/runDirectory";
import { JobCancelled, runJob } from "../jobs/runJob";
import { parseEvaluationNote } from "../panels/evaluationMessages";
import { readSettings } from "../settings";
import { CodePermission } from "./codePermission";
import type { RunRegistry, TrackedRun } from "./runRegistry";

/** What other windows do is on disk. */
const LOOK_AGAIN_MS = 2000;

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
  progress: EvaluationProgress;
}

interface Followed {
  run: TrackedRun;
  /** How many want to hear of it; it is looked at for as long as some process evaluates it, too. */
  listeners: number;
}

/**
 * Evaluations of runs: those that go on, each a job of its own, and the reports of those that have ended. A job ends with
 * its window; that it was asked for stays on disk, so one window, the same after a reload or another one, goes on with it.
 */
export class RunEvaluations implements vscode.Disposable {
  readonly permission: CodePermission;
  readonly #changed = new vscode.EventEmitter<string>();
  /** Something about the evaluation of the run in this directory has changed. */
  readonly onDidChange = this.#changed.event;
  readonly #going = new Map<string, Going>();
  /** What other processes are at, as of the last look. */
  readonly #elsewhere = new Map<string, EvaluationProgress>();
  readonly #followed = new Map<string, Followed>();
  readonly #failures = new Map<string, string>();
  /** Hashing an adapter reads all of it: once for each that is written. */
  readonly #hashes = new Map<string, { written: string; sha256: string | null }>();
  readonly #subscription: vscode.Disposable;
  readonly #timer: NodeJS.Timeout;
  readonly #seen = new Set<string>();
  /** Where it cannot be taken back that an evaluation is asked for: it would be gone on with again and again. */
  readonly #stuck = new Set<string>();
  #disposed = false;

  constructor(
    private readonly extension: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
    private readonly runs: Pick<RunRegistry, "runs" | "onDidChange">,
  ) {
    this.permission = new CodePermission(extension.workspaceState);
    this.#subscription = runs.onDidChange(() => this.#takeUp());
    this.#timer = setInterval(() => this.#lookAgain(), LOOK_AGAIN_MS);
  }

  /** Runs that this window meets for the first time may have been evaluated when another window was closed. */
  #takeUp(): void {
    for (const run of this.runs.runs) {
      if (this.#seen.has(run.directory)) continue;
      this.#seen.add(run.directory);
      void this.#look(run);
    }
  }

  #lookAgain(): void {
    for (const { run } of this.#followed.values()) void this.#look(run);
  }

  /** Hears of what other windows do with the run, until it is disposed. */
  follow(run: TrackedRun): vscode.Disposable {
    const followed = this.#follow(run);
    followed.listeners++;
    void this.#look(run);
    return { dispose: () => followed.listeners-- };
  }

  #follow(run: TrackedRun): Followed {
    const known = this.#followed.get(run.directory);
    if (known !== undefined) return known;
    const followed = { run, listeners: 0 };
    this.#followed.set(run.directory, followed);
    return followed;
  }

  /** Sees who evaluates the run, and goes on with it where whoever did so has gone. */
  async #look(run: TrackedRun): Promise<void> {
    const { directory } = run;
    // Who is at it first: when that one ends, it is no longer asked for before it is seen to have gone.
    const progress = await evaluationUnderWay(directory);
    const left = progress === null && run.usable && vscode.workspace.isTrusted;
    const goOn = left && !this.#stuck.has(directory) && (await evaluationIsAskedFor(directory));
    if (this.#disposed || this.#going.has(directory)) return;
    if (goOn) {
      this.log.info(`${run.id}: goes on with an evaluation that was interrupted`);
      void this.start(run);
      return;
    }
    const before = this.#elsewhere.get(directory);
    if (progress !== null) {
      this.#elsewhere.set(directory, progress);
      this.#follow(run);
    } else {
      this.#elsewhere.delete(directory);
      if (this.#followed.get(directory)?.listeners === 0) this.#followed.delete(directory);
    }
    if (!isDeepStrictEqual(before ?? null, progress)) this.#changed.fire(directory);
  }

  /** Evaluates the run unless that goes on already. Resolves when it has ended, however it did. */
  async start(run: TrackedRun): Promise<void> {
    const { directory } = run;
    if (this.#going.has(directory)) return;
    const abort = new AbortController();
    const stage = vscode.l10n.t("Reading the run");
    this.#going.set(directory, { abort, progress: { stage, fraction: null, detail: null, note: null } });
    this.#elsewhere.delete(directory);
    this.#failures.delete(directory);
    this.#changed.fire(directory);
    try {
      await askForEvaluation(directory);
      await this.#run(directory, abort.signal);
      this.log.info(`${run.id}: evaluated`);
    } catch (error) {
      await this.#tellFailure(run, error);
    } finally {
      // Where the window goes, the next one goes on with it.
      if (!this.#disposed) await this.#end(run);
    }
  }

  async #tellFailure({ directory, id }: TrackedRun, error: unknown): Promise<void> {
    if (error instanceof JobCancelled) return;
    // Another window was first.
    if ((await evaluationUnderWay(directory)) !== null) return;
    this.log.error(`${id}: ${describeError(error)}`);
    this.#failures.set(directory, describeError(error));
  }

  async #end(run: TrackedRun): Promise<void> {
    const { directory } = run;
    // A job that was killed has not said that nobody waits for it.
    if ((await evaluationUnderWay(directory)) === null) await this.#withdraw(directory);
    this.#going.delete(directory);
    this.#changed.fire(directory);
    await this.#look(run);
  }

  async #run(directory: string, signal: AbortSignal): Promise<void> {
    const { enginePath, threads } = readSettings();
    const engine = enginePath === "" ? [] : ["--engine", enginePath];
    const code = this.permission.given ? ["--run-code"] : [];
    const tell = (progress: Partial<EvaluationProgress>) => {
      const going = this.#going.get(directory);
      if (going === undefined) return;
      going.progress = { ...going.progress, ...progress };
      this.#changed.fire(directory);
    };
    await runJob({
      extensionPath: this.extension.extensionPath,
      args: ["runs", "evaluate", directory, ...engine, "--threads", String(threads), ...code],
      signal,
      onProgress: (stage, fraction, detail) => tell({ stage, fraction, detail: detail ?? null }),
      onPartial: (value) => {
        const note = parseEvaluationNote(value);
        if (note !== undefined) tell({ note });
      },
    });
  }

  /** What has been computed is kept for the next evaluation of the same. */
  async cancel(directory: string): Promise<void> {
    const going = this.#going.get(directory);
    if (going === undefined) return;
    await this.#withdraw(directory);
    going.abort.abort();
  }

  async #withdraw(directory: string): Promise<void> {
    try {
      await withdrawEvaluation(directory);
    } catch (error) {
      this.log.warn(describeError(error));
      this.#stuck.add(directory);
    }
  }

  progress(directory: string): EvaluationView["progress"] {
    const own = this.#going.get(directory);
    if (own !== undefined) return { ...own.progress, elsewhere: false };
    const other = this.#elsewhere.get(directory);
    return other === undefined ? null : { ...other, elsewhere: true };
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
    this.#disposed = true;
    clearInterval(this.#timer);
    this.#subscription.dispose();
    for (const { abort } of this.#going.values()) abort.abort();
    this.#changed.dispose();
  }
}
