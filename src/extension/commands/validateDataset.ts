import { basename } from "node:path";
import * as v from "valibot";
import * as vscode from "vscode";
import type { JobProblem } from "../../protocol/job";
import type { Services } from "../context";
import { jobSettings } from "../datasets/jobSettings";
import { pickDataset } from "../datasets/pickDataset";
import { reportFile } from "../datasets/reportFile";
import { MOST_SHOWN } from "../datasets/shownProblems";
import { count } from "../figures";
import { runJobWithProgress } from "../jobs/withProgress";
import type { CommandFactory } from "./command";

const validation = v.object({
  format: v.nullable(v.string()),
  rows: v.number(),
  totals: v.object({
    error: v.number(),
    warning: v.number(),
    information: v.number(),
    usable: v.number(),
    checks: v.picklist(["all", "structure"]),
  }),
  report: v.object({ markdown: v.string() }),
});
type Validation = v.InferOutput<typeof validation>;

/** `auto` leaves the texts of large files unchecked. */
type Scope = "auto" | "all";

export const validateDataset: CommandFactory = (services) => async (argument) => {
  const dataset = await pickDataset(argument);
  if (dataset === undefined) return;
  const again = await validate(services, dataset, "auto");
  if (again) await validate(services, dataset, "all");
};

/** True where the texts were left unchecked and the user wants them checked too. */
async function validate(services: Services, dataset: vscode.Uri, scope: Scope): Promise<boolean> {
  const found: JobProblem[] = [];
  const report = await reportFile(dataset, services.extension.globalStorageUri);
  const value = await runJobWithProgress(vscode.l10n.t("Validating {0}", basename(dataset.fsPath)), {
    extensionPath: services.extension.extensionPath,
    args: [
      ...["validate", dataset.fsPath, "--checks", scope, "--max-problems", String(MOST_SHOWN)],
      ...["--report", report, "--settings", jobSettings(dataset)],
    ],
    onProblem: (problem) => found.push(problem),
  });
  const result = v.parse(validation, value);
  const { error, warning, information } = result.totals;
  services.problems.report(dataset, found, error + warning + information);
  services.log.info(
    `${dataset.fsPath}: ${result.rows} rows, ${error} errors, ${warning} warnings, ${information} notes`,
  );
  return tell(dataset, result);
}

async function tell(dataset: vscode.Uri, { rows, totals, report }: Validation): Promise<boolean> {
  const name = basename(dataset.fsPath);
  const problems = totals.error + totals.warning + totals.information;
  const showProblems = vscode.l10n.t("Show Problems");
  const openReport = vscode.l10n.t("Open Report");
  const checkTexts = vscode.l10n.t("Check Texts Too");
  const fineTune = vscode.l10n.t("Fine-tune");
  const buttons = [
    ...(problems > 0 ? [showProblems] : []),
    openReport,
    ...(totals.checks === "structure" ? [checkTexts] : problems === 0 ? [fineTune] : []),
  ];
  const chosen = await messageBy(totals)(summary(name, rows, totals), ...buttons);
  if (chosen === showProblems) await vscode.commands.executeCommand("workbench.actions.view.problems");
  if (chosen === openReport)
    await vscode.commands.executeCommand("markdown.showPreview", vscode.Uri.file(report.markdown));
  if (chosen === fineTune) await vscode.commands.executeCommand("tunesmith.fineTune", dataset);
  return chosen === checkTexts;
}

type ShowMessage = (message: string, ...buttons: string[]) => Thenable<string | undefined>;

function messageBy({ error, warning, usable }: Validation["totals"]): ShowMessage {
  if (usable === 0) return vscode.window.showErrorMessage;
  return error + warning > 0 ? vscode.window.showWarningMessage : vscode.window.showInformationMessage;
}

function summary(name: string, rows: number, totals: Validation["totals"]): string {
  const { error, warning, information, usable } = totals;
  if (rows === 0) return vscode.l10n.t("{0} is empty: it must hold one row a line.", name);
  const unchecked =
    totals.checks === "structure" ? ` ${vscode.l10n.t("Texts were not checked: the file is large.")}` : "";
  if (error + warning + information === 0)
    return vscode.l10n.t("{0}: {1} rows, no problems.", name, count(rows)) + unchecked;
  const figures = [count(usable), count(rows), count(error), count(warning), count(information)];
  return (
    (usable === 0
      ? vscode.l10n.t("{0}: none of its {1} rows can be used for training.", name, count(rows))
      : vscode.l10n.t("{0}: {1} of {2} rows can be used. Errors: {3}, warnings: {4}, notes: {5}.", name, ...figures)) +
    unchecked
  );
}
