import { dirname, join } from "node:path";
import * as vscode from "vscode";
import type { ToNotices } from "../../protocol/noticesView";
import type { FromRunPanel } from "../../protocol/webview";
import { findRunProblems } from "../../run/runProblems";
import type { Services } from "../context";
import type { TrackedRun } from "../runs/runRegistry";
import { describeAhead } from "../views/runText";
import type { RunPart, RunPartContext } from "./runPart";

/** Says where a run stands in the queue, what it goes on from, and what of it cannot be read. */
export class NoticesPart implements RunPart {
  readonly #services: Services;
  readonly #run: TrackedRun;
  readonly #post: RunPartContext["post"];
  readonly #subscriptions: vscode.Disposable[];
  #sent = "";

  constructor({ services, run, post }: RunPartContext) {
    this.#services = services;
    this.#run = run;
    this.#post = post;
    const send = () => void this.#send();
    this.#subscriptions = [
      services.queue.onDidChange(send),
      services.runs.onDidChange(send),
      services.runs.onDidUpdate(({ renamed }) => {
        if (renamed) send();
      }),
    ];
  }

  async show(): Promise<void> {
    this.#sent = "";
    await this.#send();
  }

  update(): void {
    void this.#send();
  }

  async receive(message: FromRunPanel): Promise<boolean> {
    switch (message.type) {
      case "startNow":
      case "removeFromQueue":
        await vscode.commands.executeCommand(`tunesmith.${message.type}`, this.#run.directory);
        return true;
      case "openParent": {
        const parent = this.#parent();
        if (parent !== undefined) this.#services.panels.openRun(parent);
        return true;
      }
      default:
        return false;
    }
  }

  #parent(): TrackedRun | undefined {
    const { parent } = this.#run.spec;
    return parent === undefined ? undefined : this.#services.runs.at(join(dirname(this.#run.directory), parent.run));
  }

  async #send(): Promise<void> {
    const { spec, directory } = this.#run;
    const place = this.#services.queue.placeOf(this.#run);
    const parent = this.#parent();
    const message: ToNotices = {
      type: "notices",
      queue: place === undefined ? null : { ...place, waitsFor: place.waitsFor && describeAhead(place.waitsFor) },
      parent:
        spec.parent === undefined
          ? null
          : { name: parent?.name ?? spec.parent.run, step: spec.parent.step, here: parent !== undefined },
      problems: await findRunProblems(directory, this.#run),
    };
    const words = JSON.stringify(message);
    if (words === this.#sent) return;
    this.#sent = words;
    this.#post(message);
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}
