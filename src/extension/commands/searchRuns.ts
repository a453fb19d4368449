import * as vscode from "vscode";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

/** Lists, as one types, the runs whose name, tags, notes, model, data set or state hold every word. */
export const searchRuns: CommandFactory = (services) => async () => {
  if (!(await requireTrust())) return;
  await vscode.commands.executeCommand("tunesmith.runs.focus");
  const before = services.runSearch.text;
  const box = vscode.window.createInputBox();
  box.title = vscode.l10n.t("Search Runs");
  box.placeholder = vscode.l10n.t("Words in the name, #tags, notes, model, data set or state");
  box.value = before;
  let accepted = false;
  box.onDidChangeValue((text) => services.runSearch.set(text));
  box.onDidAccept(() => {
    accepted = true;
    box.hide();
  });
  box.onDidHide(() => {
    if (!accepted) services.runSearch.set(before);
    box.dispose();
  });
  box.show();
};
