import { basename, dirname, join } from "node:path";
import * as v from "valibot";
import * as vscode from "vscode";
import { count } from "../figures";
import { runJobWithProgress } from "../jobs/withProgress";
import { pickRun } from "../runs/pickRun";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

const saved = v.object({ file: v.string(), rows: v.number() });

/** What each row of the last pass cost, as CSV beside the data set: not .jsonl, which would be a data set itself. */
export const saveRowLosses: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const run = await pickRun(services, argument, ({ history }) => history.rowLosses.length > 0, {
    pick: vscode.l10n.t("Choose a run whose rows' losses are to be saved"),
    none: vscode.l10n.t("No run has recorded what its rows cost yet; a run does after each pass over the data."),
  });
  const pass = run?.history.rowLosses.at(-1)?.pass;
  if (run === undefined || pass === undefined) return;
  const { path } = run.spec.dataset;
  const name = basename(path).replace(/\.(jsonl|ndjson)$/i, "");
  const target = await vscode.window.showSaveDialog({
    title: vscode.l10n.t("Save what each row cost in pass {0}", pass),
    defaultUri: vscode.Uri.file(join(dirname(path), `${name}.losses.csv`)),
    filters: { CSV: ["csv"] },
  });
  if (target === undefined) return;
  const value = await runJobWithProgress(vscode.l10n.t("Saving the losses of {0}", run.name), {
    extensionPath: services.extension.extensionPath,
    args: ["runs", "losses", run.directory, `--pass=${pass}`, `--output=${target.fsPath}`],
  });
  const { file, rows } = v.parse(saved, value);
  const open = vscode.l10n.t("Open");
  const message = vscode.l10n.t("{0} holds the losses of {1} rows.", basename(file), count(rows));
  if ((await vscode.window.showInformationMessage(message, open)) === open) {
    await vscode.commands.executeCommand("vscode.open", vscode.Uri.file(file));
  }
};
