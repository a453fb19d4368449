import * as vscode from "vscode";
import { pickRun } from "../runs/pickRun";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

/** Goes on in the run's page, which shows how far it is. */
export const evaluateRun: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const run = await pickRun(services, argument, (candidate) => candidate.usable, {
    pick: vscode.l10n.t("Choose a run to evaluate"),
    none: vscode.l10n.t("No run has left an adapter yet: let one finish, or stop it, and evaluate it then."),
  });
  if (run === undefined) return;
  services.panels.openRun(run);
  void services.evaluations.start(run);
};
