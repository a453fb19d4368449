import * as vscode from "vscode";
import { pickRun } from "../runs/pickRun";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

export const deleteRun: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const run = await pickRun(services, argument, (candidate) => !candidate.active, {
    pick: vscode.l10n.t("Choose a run to delete"),
    none: vscode.l10n.t("There is no run to delete."),
  });
  if (run === undefined) return;
  const remove = vscode.l10n.t("Delete");
  const chosen = await vscode.window.showWarningMessage(
    vscode.l10n.t("Delete the run {0}?", run.name),
    { modal: true, detail: vscode.l10n.t("Its checkpoints and its tuned model are deleted too: {0}", run.directory) },
    remove,
  );
  if (chosen !== remove) return;
  if (services.completion.isInUse(run.directory)) await services.completion.stop();
  services.panels.closeRun(run);
  await services.runs.delete(run);
  services.log.info(`${run.id}: deleted`);
};
