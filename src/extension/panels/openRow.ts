import * as vscode from "vscode";

/** Shows a row of a data set; VS Code does not open very large files as text and says so itself. */
export async function openRow(dataset: vscode.Uri, row: number): Promise<void> {
  const document = await vscode.workspace.openTextDocument(dataset);
  const line = Math.min(row, document.lineCount) - 1;
  const range = document.lineAt(line).range;
  const start = new vscode.Range(range.start, range.start);
  await vscode.window.showTextDocument(document, {
    selection: start,
    viewColumn: vscode.ViewColumn.Beside,
    preview: true,
  });
}
