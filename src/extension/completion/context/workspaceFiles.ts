import * as vscode from "vscode";
import { fileUri } from "../documentText";
import type { IgnoredFiles } from "./ignoredFiles";
import { exclusions, LARGEST_FILE, mayRead } from "./readableFiles";

/** Texts of the workspace that may be shown to the model; all others are as if they did not exist. */

/** Relative to the workspace, with the folder's name where there are several; null: not to be read. A cell: its notebook's. */
export function readablePath(document: vscode.Uri): string | null {
  const uri = fileUri(document);
  const folder = vscode.workspace.getWorkspaceFolder(uri);
  if (folder === undefined) return null;
  const root = folder.uri.path.endsWith("/") ? folder.uri.path : `${folder.uri.path}/`;
  if (!uri.path.startsWith(root)) return null;
  const path = uri.path.slice(root.length);
  const excluded = exclusions(vscode.workspace.getConfiguration("files", uri).get<unknown>("exclude"));
  if (!mayRead(path, excluded)) return null;
  return (vscode.workspace.workspaceFolders?.length ?? 0) > 1 ? `${folder.name}/${path}` : path;
}

export function isReadableDocument(document: vscode.TextDocument): boolean {
  return document.languageId === "python" && readablePath(document.uri) !== null && !isTooLarge(document);
}

function isTooLarge(document: vscode.TextDocument): boolean {
  return document.offsetAt(new vscode.Position(document.lineCount, 0)) > LARGEST_FILE;
}

/** The text of a file that may be read; null where there is none. A link is not followed: it could lead anywhere. */
export async function readText(uri: vscode.Uri, ignored: IgnoredFiles): Promise<string | null> {
  if (readablePath(uri) === null || (await ignored.isIgnored(uri))) return null;
  const open = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  if (open !== undefined) return isTooLarge(open) ? null : open.getText();
  try {
    const { type, size } = await vscode.workspace.fs.stat(uri);
    if (type !== vscode.FileType.File || size > LARGEST_FILE) return null;
    return Buffer.from(await vscode.workspace.fs.readFile(uri)).toString("utf8");
  } catch {
    return null;
  }
}
