import * as vscode from "vscode";

/** The settings of a data set as the language server has them, for the option `--settings` of a job. */
export function jobSettings(dataset: vscode.Uri): string {
  const section = vscode.workspace.getConfiguration("tunesmith", dataset);
  const names = ["checks", "dataSets", "sequenceLength", "tokenizerPath", "defaultModel"];
  return JSON.stringify(Object.fromEntries(names.map((name) => [name, section.get(name)])));
}
