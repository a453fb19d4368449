import * as vscode from "vscode";
import type { Services } from "../context";
import { requireTrust } from "../trust";
import { pickRun } from "./pickRun";

/** Moves a waiting run by so many places; negative: to the front. */
export async function moveInQueue(services: Services, argument: unknown, by: number): Promise<void> {
  if (!(await requireTrust())) return;
  const run = await pickRun(services, argument, (candidate) => services.queue.placeOf(candidate) !== undefined, {
    pick: vscode.l10n.t("Choose a waiting run to move"),
    none: vscode.l10n.t("No run waits."),
  });
  if (run !== undefined) await services.queue.move(run, by);
}
