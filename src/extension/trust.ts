import * as vscode from "vscode";

/** True in a trusted workspace; otherwise says why nothing happens and offers the way out. */
export async function requireTrust(): Promise<boolean> {
  if (vscode.workspace.isTrusted) return true;
  const manage = vscode.l10n.t("Manage Workspace Trust");
  const chosen = await vscode.window.showWarningMessage(
    vscode.l10n.t(
      "Only validation works in a folder that is not trusted: fine-tuning and completion start programs and read models. Trust the folder to use them.",
    ),
    manage,
  );
  if (chosen === manage) await vscode.commands.executeCommand("workbench.trust.manage");
  return false;
}
