import * as vscode from "vscode";
import { sendControl } from "../../run/control";
import { pickRun } from "../runs/pickRun";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

export const continueRun: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const run = await pickRun(services, argument, (candidate) => candidate.head().state === "paused", {
    pick: vscode.l10n.t("Choose a run to continue"),
    none: vscode.l10n.t("No run is paused."),
  });
  if (run !== undefined) await sendControl(run.directory, "resume");
};
