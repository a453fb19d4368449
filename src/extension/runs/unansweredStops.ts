import * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import { endEngine } from "../../run/control";
import { readEngineState, SILENCE_MS, silenceOf } from "../../run/engineLock";
import type { Services } from "../context";
import type { TrackedRun } from "./runRegistry";

const LOOK_EVERY_MS = SILENCE_MS;
/** An engine that beats may be in a long step or writing a checkpoint; after so many looks a person may decide. */
const PATIENT_LOOKS = 3;
/** Between SIGTERM and SIGKILL. */
const GRACE_MS = 5000;

/** Looks whether engines that were asked to stop do so; where one does not, offers to end it. */
export class UnansweredStops implements vscode.Disposable {
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(private readonly services: () => Services) {}

  /** The run's engine has just been asked to stop in this attempt. */
  expect(run: TrackedRun, attempt: number, looks = 1): void {
    clearTimeout(this.#timers.get(run.directory));
    const timer = setTimeout(() => {
      this.#timers.delete(run.directory);
      this.#look(run, attempt, looks).catch((error: unknown) => {
        this.services().log.error(describeError(error));
        void vscode.window.showErrorMessage(describeError(error));
      });
    }, LOOK_EVERY_MS);
    this.#timers.set(run.directory, timer);
  }

  async #look(run: TrackedRun, attempt: number, looks: number): Promise<void> {
    const engine = await readEngineState(run.directory);
    if (!engine.alive || engine.lock.attempt !== attempt || !run.active) return;
    const silent = silenceOf(engine) >= SILENCE_MS;
    if (!silent && looks < PATIENT_LOOKS) {
      this.expect(run, attempt, looks + 1);
      return;
    }
    const end = vscode.l10n.t("End It");
    const wait = vscode.l10n.t("Wait");
    const chosen = await vscode.window.showWarningMessage(offer(run.name, silent), end, wait);
    if (chosen === wait) this.expect(run, attempt);
    // The offer may have stood there until long after the run was resumed.
    if (chosen === end && (await readEngineState(run.directory)).lock?.attempt === attempt) {
      await endEngineOf(this.services(), run);
    }
  }

  dispose(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }
}

function offer(name: string, silent: boolean): string {
  return silent
    ? vscode.l10n.t(
        "The engine of {0} does not answer. If you end it, its checkpoints stay; what came after the last one is lost.",
        name,
      )
    : vscode.l10n.t(
        "{0} has not stopped yet. If you end its engine, its checkpoints stay; what came after the last one is lost.",
        name,
      );
}

/** Asks first. */
export async function offerToEnd(services: Services, run: TrackedRun): Promise<void> {
  const end = vscode.l10n.t("End It");
  const question = vscode.l10n.t("End the engine of {0}?", run.name);
  const detail = vscode.l10n.t("Its checkpoints stay; what came after the last one is lost.");
  const chosen = await vscode.window.showWarningMessage(question, { modal: true, detail }, end);
  if (chosen === end) await endEngineOf(services, run);
}

async function endEngineOf(services: Services, run: TrackedRun): Promise<void> {
  services.log.warn(`${run.id}: its engine is ended`);
  await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: vscode.l10n.t("Ending the engine of {0}", run.name) },
    () => endEngine(run.directory, GRACE_MS),
  );
  await services.runs.refresh(run);
}
