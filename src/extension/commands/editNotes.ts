import * as vscode from "vscode";
import { pickRun } from "../runs/pickRun";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

/** The notes open in an editor; saving it keeps them. */
export const editNotes: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const run = await pickRun(services, argument, () => true, {
    pick: vscode.l10n.t("Choose a run to write notes on"),
    none: vscode.l10n.t("There is no run to write notes on."),
  });
  if (run === undefined) return;
  await vscode.window.showTextDocument(services.notesDocuments.uriOf(run), { preview: false });
};
