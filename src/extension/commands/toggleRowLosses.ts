import * as vscode from "vscode";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

/** The marks beside the rows that cost most. */
export const toggleRowLosses: CommandFactory = (services) => async () => {
  if (!(await requireTrust())) return;
  await services.runs.load();
  const shown = await services.rowLossGutter.toggle();
  const document = vscode.window.activeTextEditor?.document;
  if (!shown || document === undefined || services.rowLossGutter.runOf(document) !== undefined) return;
  void vscode.window.showInformationMessage(
    vscode.l10n.t("No run on this data set has recorded what its rows cost yet; a run does after each pass."),
  );
};
