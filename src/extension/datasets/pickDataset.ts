import { basename, dirname } from "node:path";
import * as vscode from "vscode";

const MOST_FILES = 200;
const isDataset = (uri: vscode.Uri) => /\.(jsonl|ndjson)$/i.test(uri.path);

/** The data set that a command is about: the clicked one, the one in the editor, or one of the workspace's. */
export async function pickDataset(argument: unknown): Promise<vscode.Uri | undefined> {
  const uri = argument instanceof vscode.Uri ? argument : undefined;
  const active = vscode.window.activeTextEditor?.document.uri;
  const chosen = uri ?? (active !== undefined && isDataset(active) ? active : await pickFromWorkspace());
  if (chosen === undefined) return undefined;
  if (chosen.scheme !== "file") {
    const message = vscode.l10n.t("{0} is not a file on the disk: save the data set first.", chosen.path);
    void vscode.window.showErrorMessage(message);
    return undefined;
  }
  return (await saved(chosen)) ? chosen : undefined;
}

async function pickFromWorkspace(): Promise<vscode.Uri | undefined> {
  const files = await vscode.workspace.findFiles("**/*.{jsonl,ndjson}", "**/{node_modules,.tunesmith}/**", MOST_FILES);
  if (files.length === 0) {
    const make = vscode.l10n.t("Create One from Python Files");
    const message = vscode.l10n.t("There is no .jsonl data set in this folder.");
    if ((await vscode.window.showInformationMessage(message, make)) === make) {
      await vscode.commands.executeCommand("tunesmith.createDatasetFromPython");
    }
    return undefined;
  }
  if (files.length === 1) return files[0];
  const items = files
    .map((uri) => ({
      label: basename(uri.path),
      description: dirname(vscode.workspace.asRelativePath(uri)).replace(/^\.$/, ""),
      uri,
    }))
    .sort((a, b) => a.label.localeCompare(b.label));
  return (await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t("Choose a data set") }))?.uri;
}

/** What is on the disk is what is read: unsaved changes are saved first. */
async function saved(uri: vscode.Uri): Promise<boolean> {
  const document = vscode.workspace.textDocuments.find((open) => open.uri.toString() === uri.toString());
  return document?.isDirty !== true || (await document.save());
}
