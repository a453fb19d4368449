import { basename, dirname, join } from "node:path";
import * as v from "valibot";
import * as vscode from "vscode";
import type { Services } from "../context";
import { columnsOption, type MappingTarget, mappingTargets, type SourceColumn } from "../datasets/columnMapping";
import { pickImportSource } from "../datasets/pickImportSource";
import { count } from "../figures";
import { runJobWithProgress } from "../jobs/withProgress";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

const inspection = v.object({
  configs: v.array(v.string()),
  splits: v.array(v.string()),
  format: v.nullable(v.string()),
  columns: v.array(v.object({ path: v.string(), preview: v.string() })),
});
const importResult = v.object({ rows: v.number(), dropped: v.record(v.string(), v.number()) });

/** Asks only for what the source leaves open: which configuration, which split, which columns. */
export const importDataset: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const source = await pickImportSource(argument);
  if (source === undefined) return;
  const name = basename(source.fsPath);
  let found = await inspect(services, source, []);
  const options: string[] = [];
  if (found.configs.length > 1) {
    const config = await vscode.window.showQuickPick(found.configs, {
      placeHolder: vscode.l10n.t("Which configuration of {0}?", name),
    });
    if (config === undefined) return;
    options.push("--config", config);
    found = await inspect(services, source, options);
  }
  let split: string | undefined;
  if (found.splits.length > 1) {
    split = await vscode.window.showQuickPick(found.splits, {
      placeHolder: vscode.l10n.t("Which split of {0}?", name),
    });
    if (split === undefined) return;
    options.push("--split", split);
  }
  if (found.format === null) {
    const columns = await pickColumns(name, found.columns);
    if (columns === undefined) return;
    options.push(...columns);
  }
  const output = await pickOutput(source.fsPath, split);
  if (output === undefined) return;
  await runImport(services, source.fsPath, output, options);
};

async function inspect(services: Services, source: vscode.Uri, options: readonly string[]) {
  const value = await runJobWithProgress(vscode.l10n.t("Looking into {0}", basename(source.fsPath)), {
    extensionPath: services.extension.extensionPath,
    args: ["dataset", "import", source.fsPath, "--inspect", ...options],
  });
  return v.parse(inspection, value);
}

async function runImport(services: Services, source: string, output: vscode.Uri, options: string[]): Promise<void> {
  const value = await runJobWithProgress(vscode.l10n.t("Importing {0}", basename(source)), {
    extensionPath: services.extension.extensionPath,
    // The save dialog has asked already whether a file may be replaced.
    args: ["dataset", "import", source, "--output", output.fsPath, "--force", ...options],
    onProblem: ({ file, row, message }) => services.log.warn(`${file}:${row}: ${message}`),
  });
  const { rows, dropped } = v.parse(importResult, value);
  services.log.info(`${output.fsPath}: ${rows} rows from ${source}`);
  await vscode.window.showTextDocument(output);
  const leftOut = Object.values(dropped).reduce((sum, lines) => sum + lines, 0);
  const name = basename(output.fsPath);
  if (leftOut > 0) {
    const show = vscode.l10n.t("Show Log");
    const message = vscode.l10n.t(
      "{0}: {1} rows imported, {2} lines left out that are no rows.",
      name,
      count(rows),
      count(leftOut),
    );
    if ((await vscode.window.showWarningMessage(message, show)) === show) services.log.show();
    return;
  }
  const start = vscode.l10n.t("Fine-tune");
  const message = vscode.l10n.t("{0}: {1} rows imported.", name, count(rows));
  if ((await vscode.window.showInformationMessage(message, start)) === start) {
    await vscode.commands.executeCommand("tunesmith.fineTune", output);
  }
}

/** The option with the columns that were chosen; none where the rows are to stay as they are. */
async function pickColumns(name: string, columns: readonly SourceColumn[]): Promise<string[] | undefined> {
  const asTheyAre = { label: vscode.l10n.t("Import the columns as they are"), target: null };
  const items = mappingTargets.map((target) => ({ label: targetLabel(target), target }));
  const chosen = await vscode.window.showQuickPick([...items, asTheyAre], {
    placeHolder: vscode.l10n.t("The rows of {0} fit no format: what are they to become?", name),
  });
  if (chosen === undefined) return undefined;
  if (chosen.target === null) return [];
  const fields: { name: string; column: string }[] = [];
  for (const field of chosen.target.fields) {
    const column = await pickColumn(field, columns);
    if (column === undefined) return undefined;
    if (column !== null) fields.push({ name: field.name, column });
  }
  return ["--columns", columnsOption(fields)];
}

function targetLabel({ id }: MappingTarget): string {
  switch (id) {
    case "alpaca":
      return vscode.l10n.t("Instructions with answers");
    case "prompt-completion":
      return vscode.l10n.t("Prompts with completions");
    case "chat":
      return vscode.l10n.t("Conversations");
    case "text":
      return vscode.l10n.t("Plain texts");
  }
}

/** Null: the field is left out. */
async function pickColumn(
  field: MappingTarget["fields"][number],
  columns: readonly SourceColumn[],
): Promise<string | null | undefined> {
  const items: (vscode.QuickPickItem & { column: string | null })[] = columns.map(({ path, preview }) => ({
    label: path,
    description: preview,
    column: path,
  }));
  if (field.optional) items.unshift({ label: vscode.l10n.t("None"), column: null });
  const placeHolder = vscode.l10n.t("Which column holds {0}? The first row's values are shown.", field.name);
  return (await vscode.window.showQuickPick(items, { placeHolder, matchOnDescription: true }))?.column;
}

async function pickOutput(source: string, split: string | undefined): Promise<vscode.Uri | undefined> {
  const stem = basename(source).replace(/(\.(parquet|arrow|json|jsonl|ndjson|csv|tsv))?(\.gz)?$/i, "");
  const name = split === undefined ? stem : `${stem}-${split}`;
  return vscode.window.showSaveDialog({
    title: vscode.l10n.t("Save the data set imported from {0}", basename(source)),
    defaultUri: vscode.Uri.file(join(dirname(source), `${name}.jsonl`)),
    filters: { [vscode.l10n.t("Data sets")]: ["jsonl"] },
  });
}
