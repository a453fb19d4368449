import * as vscode from "vscode";
import type { CommandFactory } from "./command";

/** The switch of this workspace. */
export const toggleCompletion: CommandFactory = (services) => async () => {
  const { completionSwitch } = services;
  if (completionSwitch.offHere === null) {
    await completionSwitch.setOn(false);
    return;
  }
  await completionSwitch.setOn(true);
  if (completionSwitch.offHere !== "setting") return;
  const open = vscode.l10n.t("Open Settings");
  const chosen = await vscode.window.showInformationMessage(
    vscode.l10n.t("Completion stays off here: the setting tunesmith.completion.enabled says so."),
    open,
  );
  if (chosen !== open) return;
  await vscode.commands.executeCommand("workbench.action.openSettings", "tunesmith.completion.enabled");
};
