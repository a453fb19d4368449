import * as vscode from "vscode";
import { MAX_COMPARED } from "../panels/compareMessages";
import { tooMany } from "../panels/comparePanel";
import { pickRuns } from "../runs/pickRun";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

export const compareRuns: CommandFactory = (services) => async (_argument, selection) => {
  if (!(await requireTrust())) return;
  const several = Array.isArray(selection) && selection.length > 1;
  const runs = await pickRuns(services, undefined, several ? selection : undefined, {
    pick: vscode.l10n.t("Choose two or more runs to compare"),
    none: vscode.l10n.t("There are no runs yet. Right-click a .jsonl data set and choose Fine-tune on This Dataset."),
  });
  if (runs === undefined) return;
  if (runs.length < 2) {
    void vscode.window.showInformationMessage(vscode.l10n.t("Choose at least two runs to compare."));
    return;
  }
  if (runs.length > MAX_COMPARED) void vscode.window.showInformationMessage(tooMany());
  services.comparisons.open(runs.slice(0, MAX_COMPARED));
};
