import * as vscode from "vscode";
import { rowAtCursor } from "../datasets/rowAtCursor";
import type { CommandFactory } from "./command";

export const editRow: CommandFactory = (services) => async (argument) => {
  const row = await rowAtCursor(argument);
  if (row === undefined) return;
  const uri = services.rowDocuments.uriOf(row.editor.document.uri, row.line);
  await vscode.window.showTextDocument(uri, { viewColumn: vscode.ViewColumn.Beside, preview: true });
};
