import * as vscode from "vscode";
import type { Services } from "../context";

/** What the `when` clauses of package.json ask of the runs: whether one computes, is paused or waits. */
export class RunContextKeys implements vscode.Disposable {
  readonly #subscriptions: vscode.Disposable[];
  readonly #shown = new Map<string, boolean>();

  constructor(private readonly services: Services) {
    const { runs, queue } = services;
    const show = () => this.#show();
    this.#subscriptions = [
      runs.onDidChange(show),
      queue.onDidChange(show),
      runs.onDidUpdate(({ update, before }) => {
        if (update.head.state !== before) show();
      }),
    ];
  }

  #show(): void {
    const { runs, queue } = this.services;
    this.#set(
      "tunesmith.runRunning",
      runs.runs.some((run) => run.head().state === "running"),
    );
    this.#set(
      "tunesmith.runPaused",
      runs.runs.some((run) => run.head().state === "paused"),
    );
    this.#set(
      "tunesmith.runWaiting",
      runs.runs.some((run) => queue.placeOf(run) !== undefined),
    );
  }

  #set(key: string, value: boolean): void {
    if ((this.#shown.get(key) ?? false) === value) return;
    this.#shown.set(key, value);
    void vscode.commands.executeCommand("setContext", key, value);
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}
