import { dirname } from "node:path";
import type * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import { readEngineState } from "../../run/engineLock";
import { readAttempt } from "../../run/lastEvents";
import { changeQueue } from "../../run/queue";
import { markStarting, readStartState } from "../../run/startMark";
import { JobCancelled } from "../jobs/runJob";
import type { RunRegistry, TrackedRun } from "./runRegistry";

const LOOK_AGAIN_MS = 5000;

/** Starts whose window has gone while the data were prepared: one of the others, or the next one, takes them up. */
export class InterruptedStarts implements vscode.Disposable {
  readonly #subscriptions: vscode.Disposable[];
  readonly #known = new Set<string>();
  /** One at a time: a second one may be taken up by another window meanwhile. */
  #last: Promise<void> = Promise.resolve();
  #disposed = false;
  #again: NodeJS.Timeout | undefined;

  constructor(
    private readonly runs: RunRegistry,
    private readonly log: vscode.LogOutputChannel,
    /** Starts the run; throws where it fails, or is given up. */
    private readonly start: (run: TrackedRun) => Promise<void>,
  ) {
    this.#subscriptions = [runs.onDidChange(() => this.#lookAtAll()), runs.onDidUpdate(({ run }) => this.#look(run))];
  }

  #lookAtAll(): void {
    for (const run of this.runs.runs) this.#look(run);
  }

  #look(run: TrackedRun): void {
    const { directory } = run;
    if (!run.interrupted || this.#known.has(directory)) return;
    this.#known.add(directory);
    this.#last = this.#last.then(() => this.#takeUp(run)).finally(() => this.#known.delete(directory));
  }

  async #takeUp(run: TrackedRun): Promise<void> {
    try {
      if (this.#disposed || !(await claim(run.directory))) return;
      this.log.info(`${run.id}: its start was interrupted, and goes on here`);
      await this.runs.refresh(run);
      await this.start(run);
    } catch (error) {
      if (error instanceof JobCancelled) return;
      this.log.error(`${run.id}: ${describeError(error)}`);
      // It may have been the lock, held by another window for long.
      this.#again ??= setTimeout(() => {
        this.#again = undefined;
        this.#lookAtAll();
      }, LOOK_AGAIN_MS);
    }
  }

  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#again);
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}

/** True for exactly one window: to all others the run is then being prepared. */
async function claim(directory: string): Promise<boolean> {
  let claimed = false;
  await changeQueue(dirname(directory), async (ids) => {
    const attempt = await readAttempt(directory);
    const interrupted = (await readStartState(directory, attempt)).kind === "interrupted";
    claimed = interrupted && !(await readEngineState(directory)).alive;
    if (claimed) await markStarting(directory, attempt, { takeUp: true });
    return ids;
  });
  return claimed;
}
