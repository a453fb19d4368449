import * as vscode from "vscode";
import { sendControl } from "../../run/control";
import { pickRun } from "../runs/pickRun";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

export const checkpointNow: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const run = await pickRun(services, argument, (candidate) => candidate.controllable, {
    pick: vscode.l10n.t("Choose a run to keep a checkpoint of"),
    none: vscode.l10n.t("No run is going on."),
  });
  if (run !== undefined) await sendControl(run.directory, "checkpoint");
};
