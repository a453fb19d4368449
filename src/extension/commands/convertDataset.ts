import { basename } from "node:path";
import * as v from "valibot";
import * as vscode from "vscode";
import { pickDataset } from "../datasets/pickDataset";
import { count } from "../figures";
import { runJobWithProgress } from "../jobs/withProgress";
import { requireTrust } from "../trust";
import type { CommandFactory } from "./command";

const conversion = v.object({
  rows: v.number(),
  leftOut: v.number(),
  lost: v.record(v.string(), v.number()),
});

export const convertDataset: CommandFactory = (services) => async (argument) => {
  if (!(await requireTrust())) return;
  const dataset = await pickDataset(argument);
  if (dataset === undefined) return;
  const name = basename(dataset.fsPath);
  const target = await vscode.window.showQuickPick(formatItems(), {
    placeHolder: vscode.l10n.t("Which format should {0} be converted to?", name),
    matchOnDescription: true,
  });
  if (target === undefined) return;
  const output = await vscode.window.showSaveDialog({
    title: vscode.l10n.t("Save the converted data set"),
    defaultUri: dataset.with({ path: dataset.path.replace(/(\.(jsonl|ndjson))?$/i, `.${target.id}.jsonl`) }),
    filters: { [vscode.l10n.t("Data sets")]: ["jsonl"] },
  });
  if (output === undefined) return;
  const value = await runJobWithProgress(vscode.l10n.t("Converting {0}", name), {
    extensionPath: services.extension.extensionPath,
    // The save dialog has asked already whether a file may be replaced.
    args: ["dataset", "convert", dataset.fsPath, "--to", target.id, "--output", output.fsPath, "--force"],
    onProblem: ({ file, row, message }) => services.log.warn(`${file}:${row}: ${message}`),
  });
  const result = v.parse(conversion, value);
  services.log.info(`${output.fsPath}: ${result.rows} rows converted to ${target.id}`);
  for (const [what, rows] of Object.entries(result.lost)) services.log.info(`Lost in ${rows} rows: ${what}`);
  await vscode.window.showTextDocument(output);
  await tell(basename(output.fsPath), result, () => services.log.show());
};

function formatItems(): { label: string; description: string; id: string }[] {
  return [
    { label: vscode.l10n.t("Instructions with answers"), description: "instruction, input, output", id: "alpaca" },
    { label: vscode.l10n.t("Prompts with completions"), description: "prompt, completion", id: "prompt-completion" },
    { label: vscode.l10n.t("Conversations"), description: "messages: role, content", id: "chat" },
    { label: vscode.l10n.t("ShareGPT conversations"), description: "conversations: from, value", id: "sharegpt" },
    { label: vscode.l10n.t("Plain texts"), description: "text", id: "text" },
    { label: vscode.l10n.t("Texts with a gap"), description: "prefix, suffix, middle", id: "fim" },
  ];
}

async function tell(
  name: string,
  { rows, leftOut, lost }: v.InferOutput<typeof conversion>,
  showLog: () => void,
): Promise<void> {
  const losses = Object.keys(lost);
  if (leftOut === 0 && losses.length === 0) {
    const message = vscode.l10n.t("{0}: {1} rows converted, nothing is lost.", name, count(rows));
    void vscode.window.showInformationMessage(message);
    return;
  }
  const sentences = [vscode.l10n.t("{0}: {1} rows converted.", name, count(rows))];
  if (leftOut > 0) sentences.push(vscode.l10n.t("{0} rows could not be converted.", count(leftOut)));
  if (losses.length > 0) sentences.push(vscode.l10n.t("Lost: {0}.", losses.join("; ")));
  const show = vscode.l10n.t("Show Log");
  if ((await vscode.window.showWarningMessage(sentences.join(" "), show)) === show) showLog();
}
