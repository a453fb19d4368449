import * as vscode from "vscode";
import { pickRun } from "../runs/pickRun";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

export const revealRun: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const run = await pickRun(services, argument, () => true, {
    pick: vscode.l10n.t("Choose a run"),
    none: vscode.l10n.t("There are no runs yet."),
  });
  if (run === undefined) return;
  await vscode.commands.executeCommand("revealInExplorer", vscode.Uri.file(run.directory));
};
