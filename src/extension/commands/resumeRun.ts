import * as vscode from "vscode";
import { pickRun } from "../runs/pickRun";
import { resumeWithProgress } from "../runs/resumeRun";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

export const resumeRun: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const run = await pickRun(services, argument, (candidate) => candidate.resumable, {
    pick: vscode.l10n.t("Choose a run to resume"),
    none: vscode.l10n.t("There is no stopped or failed run to resume."),
  });
  if (run !== undefined) await resumeWithProgress(services, run);
};
