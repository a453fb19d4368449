import * as vscode from "vscode";
import { namedBy, pickRun } from "../runs/pickRun";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

export const revealRun: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  await services.runs.load();
  const words = { pick: vscode.l10n.t("Choose a run"), none: vscode.l10n.t("There are no runs yet.") };
  const run = namedBy(services, argument)?.unreadable[0] ?? (await pickRun(services, argument, () => true, words));
  if (run === undefined) return;
  await vscode.commands.executeCommand("revealInExplorer", vscode.Uri.file(run.directory));
};
