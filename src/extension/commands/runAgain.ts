import * as vscode from "vscode";
import { pickRun } from "../runs/pickRun";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

export const runAgain: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const run = await pickRun(services, argument, (candidate) => candidate.ended, {
    pick: vscode.l10n.t("Choose a run to run again with changes"),
    none: vscode.l10n.t("There is no ended run to run again."),
  });
  if (run !== undefined) await services.panels.planAgain(run);
};
