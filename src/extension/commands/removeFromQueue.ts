import * as vscode from "vscode";
import { pickRuns } from "../runs/pickRun";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

export const removeFromQueue: CommandFactory = (services) => async (argument, selection) => {
  if (!(await requireTrust())) return;
  const words = {
    pick: vscode.l10n.t("Choose the runs to take out of the queue"),
    none: vscode.l10n.t("No run waits."),
  };
  const waits = (run: Parameters<typeof services.queue.placeOf>[0]) => services.queue.placeOf(run) !== undefined;
  const runs = await pickRuns(services, argument, selection, words, waits);
  for (const run of runs ?? []) if (waits(run)) await services.queue.remove(run);
};
