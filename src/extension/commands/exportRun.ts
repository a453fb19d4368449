import { basename, join } from "node:path";
import * as v from "valibot";
import * as vscode from "vscode";
import { count } from "../figures";
import { runJobWithProgress } from "../jobs/withProgress";
import { pickRun } from "../runs/pickRun";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

const exported = v.object({ directory: v.string(), files: v.array(v.unknown()), leftOut: v.array(v.string()) });

export const exportRun: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const run = await pickRun(services, argument, () => true, {
    pick: vscode.l10n.t("Choose a run to export"),
    none: vscode.l10n.t("There are no runs yet."),
  });
  if (run === undefined) return;
  const chosen = await vscode.window.showOpenDialog({
    title: vscode.l10n.t("In which folder should the run's folder {0} be made?", run.id),
    openLabel: vscode.l10n.t("Export Here"),
    canSelectFiles: false,
    canSelectFolders: true,
  });
  const parent = chosen?.[0];
  if (parent === undefined) return;
  const value = await runJobWithProgress(vscode.l10n.t("Exporting {0}", run.name), {
    extensionPath: services.extension.extensionPath,
    args: ["runs", "export", run.directory, "--output", join(parent.fsPath, basename(run.directory))],
  });
  const { directory, files, leftOut } = v.parse(exported, value);
  services.log.info(`${run.id}: exported to ${directory}`);
  for (const path of leftOut) services.log.warn(`${run.id}: ${path} is not a plain file and was left out`);
  const message = vscode.l10n.t("{0} is exported to {1}: {2} files.", run.name, directory, count(files.length));
  await offerToShow(message, vscode.Uri.file(join(directory, "README.md")));
};

/** In the system's file manager, which knows only the machine that VS Code's window is on; from elsewhere in the editor. */
async function offerToShow(message: string, readme: vscode.Uri): Promise<void> {
  const isElsewhere = vscode.env.remoteName !== undefined || vscode.env.uiKind === vscode.UIKind.Web;
  const show = isElsewhere ? vscode.l10n.t("Open README.md") : vscode.l10n.t("Show Folder");
  if ((await vscode.window.showInformationMessage(message, show)) !== show) return;
  await vscode.commands.executeCommand(isElsewhere ? "markdown.showPreview" : "revealFileInOS", readme);
}
