import * as vscode from "vscode";
import type { CommandFactory } from "./command";

export const stopUsingModel: CommandFactory = (services) => async () => {
  if (services.completion.state.kind === "off") {
    void vscode.window.showInformationMessage(vscode.l10n.t("No model is in use for completion."));
    return;
  }
  await services.completion.stop();
};
