import * as vscode from "vscode";

const known = new WeakMap<vscode.TextDocument, Promise<boolean>>();

/** Whether the document cannot be written: what is looked up once a document, VS Code's own settings aside. */
export function isReadOnly(document: vscode.TextDocument): Promise<boolean> {
  const found = known.get(document) ?? lookUp(document);
  known.set(document, found);
  return found;
}

async function lookUp({ uri, isUntitled }: vscode.TextDocument): Promise<boolean> {
  if (isUntitled || uri.scheme === "vscode-notebook-cell") return false;
  // Undefined: VS Code does not know the scheme, and neither does anybody know better.
  if (vscode.workspace.fs.isWritableFileSystem(uri.scheme) === false) return true;
  try {
    const { permissions = 0 } = await vscode.workspace.fs.stat(uri);
    return (permissions & vscode.FilePermission.Readonly) !== 0;
  } catch {
    return false;
  }
}
