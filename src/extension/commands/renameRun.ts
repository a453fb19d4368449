import * as vscode from "vscode";
import { changeRunNotes, tidyName } from "../../run/runNotes";
import { pickRun } from "../runs/pickRun";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

export const renameRun: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const run = await pickRun(services, argument, () => true, {
    pick: vscode.l10n.t("Choose a run to rename"),
    none: vscode.l10n.t("There is no run to rename."),
  });
  if (run === undefined) return;
  const typed = await vscode.window.showInputBox({
    title: vscode.l10n.t("Rename {0}", run.name),
    prompt: vscode.l10n.t("Leave it empty to go back to {0}.", run.spec.name),
    value: run.name,
  });
  if (typed === undefined) return;
  const name = tidyName(typed);
  await changeRunNotes(run.directory, { name: name === run.spec.name ? null : name });
  await services.runs.refresh(run);
};
