import * as vscode from "vscode";
import type { CommandFactory } from "./command";

export const forgetCodePermission: CommandFactory =
  ({ evaluations }) =>
  async () => {
    await evaluations.permission.forget();
    void vscode.window.showInformationMessage(
      vscode.l10n.t("Code that a model has written is no longer run in this workspace."),
    );
  };
