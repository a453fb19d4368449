import * as vscode from "vscode";
import { pickRun } from "../runs/pickRun";
import { requestStop } from "../runs/startRun";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

export const stopRun: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const run = await pickRun(services, argument, (candidate) => candidate.active, {
    pick: vscode.l10n.t("Choose a run to stop"),
    none: vscode.l10n.t("No run is going on."),
  });
  if (run !== undefined) await requestStop(services, run);
};
