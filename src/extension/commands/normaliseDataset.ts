import { basename } from "node:path";
import * as v from "valibot";
import * as vscode from "vscode";
import { pickDataset } from "../datasets/pickDataset";
import { count } from "../figures";
import { runJobWithProgress } from "../jobs/withProgress";
import type { CommandFactory } from "./command";

const normalised = v.object({ byteOrderMark: v.boolean(), lineEnds: v.number() });

/** On the disk: VS Code shows neither a byte order mark nor lines that end in different ways. */
export const normaliseDataset: CommandFactory = (services) => async (argument) => {
  const dataset = await pickDataset(argument);
  if (dataset === undefined) return;
  const name = basename(dataset.fsPath);
  const value = await runJobWithProgress(vscode.l10n.t("Normalising {0}", name), {
    extensionPath: services.extension.extensionPath,
    args: ["dataset", "normalise", dataset.fsPath],
  });
  const { byteOrderMark, lineEnds } = v.parse(normalised, value);
  services.problems.clear(dataset);
  void vscode.window.showInformationMessage(message(name, byteOrderMark, lineEnds));
};

function message(name: string, byteOrderMark: boolean, lineEnds: number): string {
  if (!byteOrderMark && lineEnds === 0) return vscode.l10n.t("{0} had nothing to normalise.", name);
  return byteOrderMark
    ? vscode.l10n.t("{0}: byte order mark removed, {1} line ends changed.", name, count(lineEnds))
    : vscode.l10n.t("{0}: {1} line ends changed.", name, count(lineEnds));
}
