import * as vscode from "vscode";
import { sendControl } from "../../run/control";
import { pickRun } from "../runs/pickRun";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

export const pauseRun: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const run = await pickRun(services, argument, (candidate) => candidate.head().state === "running", {
    pick: vscode.l10n.t("Choose a run to pause"),
    none: vscode.l10n.t("No run is computing."),
  });
  if (run !== undefined) await sendControl(run.directory, "pause");
};
