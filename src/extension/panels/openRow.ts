import * as vscode from "vscode";

/** Shows a row of a data set, in files too that are too large to be handed to extensions. */
export async function openRow(
  dataset: vscode.Uri,
  row: number,
  viewColumn: vscode.ViewColumn = vscode.ViewColumn.Beside,
): Promise<void> {
  const start = new vscode.Position(row - 1, 0);
  const options: vscode.TextDocumentShowOptions = {
    selection: new vscode.Range(start, start),
    viewColumn,
    preview: true,
  };
  await vscode.commands.executeCommand("vscode.open", dataset, options);
}
