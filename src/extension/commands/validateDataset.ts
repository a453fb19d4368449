import { basename } from "node:path";
import * as v from "valibot";
import * as vscode from "vscode";
import { pickDataset } from "../datasets/pickDataset";
import type { FoundProblem } from "../datasets/problemReporter";
import { count } from "../figures";
import { runJobWithProgress } from "../jobs/withProgress";
import type { CommandFactory } from "./command";

const validation = v.object({
  format: v.nullable(v.string()),
  rows: v.number(),
  usable: v.number(),
  problems: v.number(),
});
type Validation = v.InferOutput<typeof validation>;

export const validateDataset: CommandFactory = (services) => async (argument) => {
  const dataset = await pickDataset(argument);
  if (dataset === undefined) return;
  const found: FoundProblem[] = [];
  const value = await runJobWithProgress(vscode.l10n.t("Validating {0}", basename(dataset.fsPath)), {
    extensionPath: services.extension.extensionPath,
    args: ["validate", dataset.fsPath],
    onProblem: (problem) => found.push(problem),
  });
  const result = v.parse(validation, value);
  services.problems.report(dataset, found);
  services.log.info(`${dataset.fsPath}: ${result.rows} rows, ${result.problems} problems`);
  await tell(basename(dataset.fsPath), dataset, result);
};

async function tell(name: string, dataset: vscode.Uri, result: Validation): Promise<void> {
  const rows = count(result.rows);
  if (result.rows === 0) {
    void vscode.window.showErrorMessage(vscode.l10n.t("{0} is empty: it must hold one row a line.", name));
    return;
  }
  if (result.problems === 0) {
    const message = vscode.l10n.t("{0}: {1} rows, no problems.", name, rows);
    const start = vscode.l10n.t("Fine-tune");
    const chosen = await vscode.window.showInformationMessage(message, start);
    if (chosen === start) await vscode.commands.executeCommand("tunesmith.fineTune", dataset);
    return;
  }
  const show = vscode.l10n.t("Show Problems");
  const summary =
    result.usable === 0
      ? vscode.l10n.t("{0}: none of its {1} rows can be used for training.", name, rows)
      : vscode.l10n.t(
          "{0}: {1} of {2} rows can be used; problems: {3}.",
          name,
          count(result.usable),
          rows,
          count(result.problems),
        );
  const ask = result.usable === 0 ? vscode.window.showErrorMessage : vscode.window.showWarningMessage;
  if ((await ask(summary, show)) === show) await vscode.commands.executeCommand("workbench.actions.view.problems");
}
