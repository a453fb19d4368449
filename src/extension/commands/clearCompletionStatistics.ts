import * as vscode from "vscode";
import type { CommandFactory } from "./command";

export const clearCompletionStatistics: CommandFactory = (services) => async () => {
  const clear = vscode.l10n.t("Clear");
  const chosen = await vscode.window.showWarningMessage(
    vscode.l10n.t("Clear what was written down of completions with all models, in all workspaces?"),
    { modal: true },
    clear,
  );
  if (chosen === clear) await services.completionStatistics.clear();
};
