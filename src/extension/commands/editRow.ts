import * as vscode from "vscode";
import { rowAtCursor } from "../datasets/rowAtCursor";
import { rowUri } from "../datasets/rowDocument";
import type { CommandFactory } from "./command";

export const editRow: CommandFactory = () => async (argument) => {
  const row = await rowAtCursor(argument);
  if (row === undefined) return;
  const uri = rowUri(row.editor.document.uri, row.line);
  await vscode.window.showTextDocument(uri, { viewColumn: vscode.ViewColumn.Beside, preview: true });
};
