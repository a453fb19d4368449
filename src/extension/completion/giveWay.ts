import type * as vscode from "vscode";
import type { Services } from "../context";

/** The next run of a queue starts sooner than this: a model is not loaded for the moment in between. */
const SETTLE_MS = 4000;

/** Completion leaves the machine to a run for as long as it computes, and has it back afterwards. */
export class GiveWay implements vscode.Disposable {
  readonly #subscriptions: vscode.Disposable[];
  #settled: NodeJS.Timeout | undefined;

  constructor(private readonly services: Services) {
    const { runs, completion } = services;
    this.#subscriptions = [
      runs.onDidChange(() => this.#look()),
      runs.onDidUpdate(({ run, update, before, renamed }) => {
        if (update.head.state !== before) this.#look();
        if (renamed) void completion.rename(run.directory, run.name);
      }),
    ];
  }

  #look(): void {
    clearTimeout(this.#settled);
    const { runs, completion } = this.services;
    const computes = runs.runs.some((run) => run.active && run.head().state !== "paused");
    if (computes) completion.setTraining(true);
    else this.#settled = setTimeout(() => completion.setTraining(false), SETTLE_MS);
  }

  dispose(): void {
    clearTimeout(this.#settled);
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}
