import * as vscode from "vscode";
import type { RunSpec } from "../../protocol/run";
import type { Services } from "../context";
import type { TrackedRun } from "../runs/runRegistry";
import { describeAhead } from "../views/runText";

/** Which runs a plan would have to wait for if it were started now. */
export class PlanTurn implements vscode.Disposable {
  #device: RunSpec["device"] = "auto";
  #ahead: readonly TrackedRun[] = [];
  #waitsFor: string | null = null;
  #known = "";
  readonly #changed = new vscode.EventEmitter<void>();
  /** Other runs than before are ahead, or they are doing something else. */
  readonly onDidChange = this.#changed.event;
  readonly #subscriptions: vscode.Disposable[];

  constructor(
    private readonly services: Services,
    private readonly dataset: vscode.Uri,
  ) {
    const { runs, queue } = services;
    const look = () => this.#look();
    this.#subscriptions = [
      queue.watchMachine(),
      runs.onDidChange(look),
      queue.onDidChange(look),
      runs.onDidUpdate(({ update, before, renamed }) => {
        if (update.head.state !== before || renamed) look();
      }),
    ];
    look();
  }

  /** Of this window's folders, in the order in which they have their turns. */
  get ahead(): readonly TrackedRun[] {
    return this.#ahead;
  }

  /** The run that has to end first, in words; null: there is none. */
  get waitsFor(): string | null {
    return this.#waitsFor;
  }

  /** The device that the plan asks for. */
  setDevice(device: RunSpec["device"]): void {
    this.#device = device;
    this.#look();
  }

  #look(): void {
    const { runs, queue } = this.services;
    const folder = runs.folderFor(this.dataset);
    this.#ahead = folder === undefined ? [] : queue.ahead(folder, this.#device);
    const first = folder === undefined ? null : queue.waitsFor(folder, this.#device);
    this.#waitsFor = first === null ? null : describeAhead(first);
    const known = [
      this.#waitsFor,
      ...this.#ahead.map((run) => [run.directory, run.name, run.head().state].join("\n")),
    ].join("\n\n");
    if (known === this.#known) return;
    this.#known = known;
    this.#changed.fire();
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }
}
