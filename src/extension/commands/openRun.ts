import * as vscode from "vscode";
import { pickRun } from "../runs/pickRun";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

export const openRun: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const run = await pickRun(services, argument, () => true, {
    pick: vscode.l10n.t("Choose a run to open"),
    none: vscode.l10n.t("There are no runs yet. Right-click a .jsonl data set and choose Fine-tune on This Dataset."),
  });
  if (run !== undefined) services.panels.openRun(run);
};
