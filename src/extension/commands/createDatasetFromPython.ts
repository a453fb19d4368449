import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import * as v from "valibot";
import * as vscode from "vscode";
import { count } from "../figures";
import { runJobWithProgress } from "../jobs/withProgress";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

const result = v.object({ rows: v.number(), sources: v.number() });

export const createDatasetFromPython: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const folder = await pickFolder(argument);
  if (folder === undefined) return;
  const out = await vscode.window.showSaveDialog({
    title: vscode.l10n.t("Save the data set made of {0}", basename(folder)),
    defaultUri: vscode.Uri.file(join(workspaceFolder() ?? folder, `${basename(folder)}.jsonl`)),
    filters: { [vscode.l10n.t("Data sets")]: ["jsonl"] },
  });
  if (out === undefined) return;
  const value = await runJobWithProgress(vscode.l10n.t("Reading the Python files of {0}", basename(folder)), {
    extensionPath: services.extension.extensionPath,
    args: ["dataset", "from-python", folder, "--out", out.fsPath],
  });
  const { rows, sources } = v.parse(result, value);
  services.log.info(`${out.fsPath}: ${rows} rows from ${sources} Python files`);
  const start = vscode.l10n.t("Fine-tune");
  const open = vscode.l10n.t("Open");
  const message = vscode.l10n.t(
    "{0}: {1} rows from the functions of {2} Python files.",
    basename(out.fsPath),
    count(rows),
    count(sources),
  );
  const chosen = await vscode.window.showInformationMessage(message, start, open);
  if (chosen === start) await vscode.commands.executeCommand("tunesmith.fineTune", out);
  if (chosen === open) await vscode.window.showTextDocument(out);
};

function workspaceFolder(): string | undefined {
  return vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
}

/** The clicked folder, a clicked file's folder, or one that is asked for. */
async function pickFolder(argument: unknown): Promise<string | undefined> {
  if (argument instanceof vscode.Uri && argument.scheme === "file") {
    const status = await stat(argument.fsPath);
    return status.isDirectory() ? argument.fsPath : dirname(argument.fsPath);
  }
  const defaultUri = vscode.workspace.workspaceFolders?.[0]?.uri;
  const chosen = await vscode.window.showOpenDialog({
    canSelectFiles: false,
    canSelectFolders: true,
    title: vscode.l10n.t("Choose a folder with Python files"),
    ...(defaultUri === undefined ? {} : { defaultUri }),
  });
  return chosen?.[0]?.fsPath;
}
