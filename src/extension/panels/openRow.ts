import * as vscode from "vscode";

/** Shows a row of a data set, in files too that are too large to be handed to extensions. */
export async function openRow(
  dataset: vscode.Uri,
  row: number,
  viewColumn: vscode.ViewColumn = columnOf(dataset),
): Promise<void> {
  const start = new vscode.Position(row - 1, 0);
  const options: vscode.TextDocumentShowOptions = {
    selection: new vscode.Range(start, start),
    viewColumn,
    preview: true,
  };
  await vscode.commands.executeCommand("vscode.open", dataset, options);
}

/** Where the file is open already, so that one row after the other comes into the same editor. */
function columnOf(dataset: vscode.Uri): vscode.ViewColumn {
  const wanted = dataset.toString();
  const group = vscode.window.tabGroups.all.find(({ tabs }) =>
    tabs.some(({ input }) => input instanceof vscode.TabInputText && input.uri.toString() === wanted),
  );
  return group?.viewColumn ?? vscode.ViewColumn.Beside;
}
