import * as vscode from "vscode";
import { rowAtCursor } from "../datasets/rowAtCursor";
import type { CommandFactory } from "./command";

/** Shows the hover of a row: what the model sees of it. */
export const previewRow: CommandFactory = () => async (argument) => {
  const row = await rowAtCursor(argument);
  if (row === undefined) return;
  const { document, viewColumn, selection } = row.editor;
  const start = new vscode.Position(row.line, 0);
  const at = selection.active.line === row.line ? selection.active : start;
  await vscode.window.showTextDocument(document, {
    ...(viewColumn === undefined ? {} : { viewColumn }),
    selection: new vscode.Range(at, at),
  });
  await vscode.commands.executeCommand("editor.action.showHover");
};
