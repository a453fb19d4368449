import * as vscode from "vscode";

/** The row that a command is about: the one under the cursor, else the next that is not blank. Lines are 0-based. */
export async function rowAtCursor(argument: unknown): Promise<{ editor: vscode.TextEditor; line: number } | undefined> {
  const editor = argument instanceof vscode.Uri ? await editorOf(argument) : vscode.window.activeTextEditor;
  if (editor?.document.languageId !== "jsonl") {
    void vscode.window.showInformationMessage(
      vscode.l10n.t("Open a .jsonl data set and put the cursor on a row first."),
    );
    return undefined;
  }
  const { document, selection } = editor;
  for (let line = selection.active.line; line < document.lineCount; line++) {
    if (!document.lineAt(line).isEmptyOrWhitespace) return { editor, line };
  }
  return undefined;
}

async function editorOf(dataset: vscode.Uri): Promise<vscode.TextEditor> {
  const visible = vscode.window.visibleTextEditors.find(
    ({ document }) => document.uri.toString() === dataset.toString(),
  );
  return visible ?? vscode.window.showTextDocument(dataset);
}
