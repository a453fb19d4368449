import * as vscode from "vscode";
import { pickRun } from "../runs/pickRun";
import { unattended } from "../runs/preparations";
import { startNow as start } from "../runs/startRun";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

export const startNow: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const run = await pickRun(services, argument, (candidate) => services.queue.placeOf(candidate) !== undefined, {
    pick: vscode.l10n.t("Choose a waiting run to start"),
    none: vscode.l10n.t("No run waits."),
  });
  if (run !== undefined) await start(services, run, unattended());
};
