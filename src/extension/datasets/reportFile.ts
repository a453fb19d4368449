import { mkdir, writeFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import * as vscode from "vscode";

/** Where a data set's report goes: the workspace's .tunesmith, or the extension's storage outside a trusted workspace. */
export async function reportFile(dataset: vscode.Uri, storage: vscode.Uri): Promise<string> {
  const workspace = vscode.workspace.isTrusted ? vscode.workspace.getWorkspaceFolder(dataset) : undefined;
  const parent = workspace === undefined ? storage.fsPath : join(workspace.uri.fsPath, ".tunesmith");
  const folder = join(parent, "reports");
  await mkdir(folder, { recursive: true });
  if (workspace !== undefined) await ignoreInGit(parent);
  return join(folder, `${basename(dataset.fsPath, extname(dataset.fsPath))}.validation.md`);
}

/** As runs do it: what Tunesmith writes stays out of version control, the user's own .gitignore as it is. */
async function ignoreInGit(folder: string): Promise<void> {
  await writeFile(join(folder, ".gitignore"), "*\n", { flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}
