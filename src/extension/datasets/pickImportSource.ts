import * as vscode from "vscode";

/** The clicked file or folder, or one that is asked for. */
export async function pickImportSource(argument: unknown): Promise<vscode.Uri | undefined> {
  if (argument instanceof vscode.Uri) {
    if (argument.scheme === "file") return argument;
    const message = vscode.l10n.t("{0} is not a file on the disk: save the data set first.", argument.path);
    void vscode.window.showErrorMessage(message);
    return undefined;
  }
  // No dialog of Linux or Windows offers files and folders at once.
  const file = { label: vscode.l10n.t("A file"), description: vscode.l10n.t("Parquet, Arrow, JSON, CSV or TSV") };
  const folder = {
    label: vscode.l10n.t("A folder"),
    description: vscode.l10n.t("Hugging Face datasets, saved or cloned from the Hub"),
  };
  const chosen = await vscode.window.showQuickPick([file, folder], {
    placeHolder: vscode.l10n.t("What is the data set imported from?"),
  });
  if (chosen === undefined) return undefined;
  const defaultUri = vscode.workspace.workspaceFolders?.[0]?.uri;
  const uris = await vscode.window.showOpenDialog({
    canSelectFiles: chosen === file,
    canSelectFolders: chosen === folder,
    title: vscode.l10n.t("Choose the data to import"),
    ...(chosen === file
      ? { filters: { [vscode.l10n.t("Data")]: ["parquet", "arrow", "json", "jsonl", "ndjson", "csv", "tsv", "gz"] } }
      : {}),
    ...(defaultUri === undefined ? {} : { defaultUri }),
  });
  return uris?.[0];
}
