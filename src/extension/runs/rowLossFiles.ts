import * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import type { RowLossesEvent } from "../../protocol/engine";
import { areRowLossFilesWritten, isSuperseded, type PassOfRun } from "../../run/rowLossFiles";
import type { Services } from "../context";
import { runJob } from "../jobs/runJob";
import { parseRowLossFiles } from "../panels/rowsMessages";
import { readSettings } from "../settings";
import type { TrackedRun } from "./runRegistry";

interface RecordedPass extends PassOfRun {
  run: TrackedRun;
  event: RowLossesEvent;
}

/**
 * Writes beside each data set what its rows cost in the newest pass over it, of runs that go on and of those that have
 * moved on while no window was open. Jobs do it, one after the other; of several windows that ask for a pass one writes.
 */
export class RowLossFileWriter implements vscode.Disposable {
  readonly #written = new vscode.EventEmitter<TrackedRun>();
  /** A run's files are as they are going to be. */
  readonly onDidWrite = this.#written.event;
  readonly #subscriptions: vscode.Disposable[];
  /** Run directory → the pass that was asked for last. */
  readonly #asked = new Map<string, string>();
  #work: Promise<void> = Promise.resolve();
  #disposed = false;

  constructor(private readonly services: Pick<Services, "extension" | "log" | "runs" | "rowLosses">) {
    const { runs } = services;
    this.#subscriptions = [
      runs.onDidChange(() => this.#lookAtAll()),
      runs.onDidUpdate(({ run }) => this.#look(run)),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration("tunesmith.rowLosses")) this.#lookAtAll();
      }),
    ];
  }

  #lookAtAll(): void {
    const { runs } = this.services;
    for (const directory of this.#asked.keys()) if (runs.at(directory) === undefined) this.#asked.delete(directory);
    // What is written last stays.
    const recorded = runs.runs.flatMap((run) => recordedPass(run) ?? []).sort((a, b) => a.time - b.time);
    for (const { run } of recorded) this.#look(run);
  }

  #look(run: TrackedRun): void {
    const { runs, rowLosses } = this.services;
    const key = rowLosses.keyOf(run);
    if (!runs.loaded || key === null || this.#asked.get(run.directory) === key) return;
    if (readSettings().rowLosses !== "beside-dataset") return;
    const own = recordedPass(run);
    const all = runs.runs.flatMap((other) => recordedPass(other) ?? []);
    if (own === null || isSuperseded(own, all)) return;
    this.#asked.set(run.directory, key);
    this.#work = this.#work.then(() => this.#write(own));
  }

  async #write({ run, event: { pass } }: RecordedPass): Promise<void> {
    const { extension, log } = this.services;
    if (this.#disposed) return;
    try {
      if (await areRowLossFilesWritten(run.directory, pass)) return;
      // It is not ended with the window: what it does is done in a moment, and nobody else would do it soon.
      const args = ["runs", "losses", run.directory, `--pass=${pass}`, "--beside"];
      const { files } = parseRowLossFiles(await runJob({ extensionPath: extension.extensionPath, args }));
      for (const { file, problem } of files) log.info(`${run.id}: ${problem ?? `pass ${pass} is in ${file}`}`);
      if (!this.#disposed) this.#written.fire(run);
    } catch (error) {
      log.warn(`${run.id}: the rows' losses were not written beside the data set: ${describeError(error)}`);
    }
  }

  dispose(): void {
    this.#disposed = true;
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#written.dispose();
  }
}

function recordedPass(run: TrackedRun): RecordedPass | null {
  const event = run.history.rowLosses.at(-1);
  if (event === undefined) return null;
  const { dataset } = run.spec;
  const datasets = [dataset, ...(dataset.mixture ?? [])].map(({ path }) => path);
  return { run, event, time: event.time, datasets };
}
