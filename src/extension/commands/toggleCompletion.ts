import * as vscode from "vscode";
import type { CommandFactory } from "./command";

/** The switch of this workspace. */
export const toggleCompletion: CommandFactory = (services) => async () => {
  const { completionSwitch } = services;
  const document = vscode.window.activeTextEditor?.document;
  if (completionSwitch.whyOff(document) === null) {
    await completionSwitch.setOn(false);
    // What is in sight was offered before.
    await vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
    return;
  }
  await completionSwitch.setOn(true);
  if (completionSwitch.whyOff(document) !== "setting") return;
  const open = vscode.l10n.t("Open Settings");
  const chosen = await vscode.window.showInformationMessage(
    vscode.l10n.t("Completion stays off here: the setting tunesmith.completion.enabled says so."),
    open,
  );
  if (chosen !== open) return;
  await vscode.commands.executeCommand("workbench.action.openSettings", "tunesmith.completion.enabled");
};
