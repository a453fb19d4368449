import * as vscode from "vscode";

/** The settings as they are now; what package.json declares is the default. */
export interface Settings {
  defaultModel: string;
  modelPaths: string[];
  enginePath: string;
  runsFolder: string;
  threads: number;
  completionDelay: number;
  completionMaxTokens: number;
}

export function readSettings(): Settings {
  const section = vscode.workspace.getConfiguration("tunesmith");
  const text = (name: string) => section.get<string>(name, "").trim();
  return {
    defaultModel: text("defaultModel"),
    modelPaths: section.get<string[]>("modelPaths", []).filter((path) => typeof path === "string" && path !== ""),
    enginePath: text("enginePath"),
    runsFolder: text("runsFolder"),
    threads: section.get<number>("threads", 0),
    completionDelay: section.get<number>("completion.delay", 120),
    completionMaxTokens: section.get<number>("completion.maxTokens", 64),
  };
}

/** Each folder of a workspace may have its own. */
export function sequenceLengthFor(dataset: vscode.Uri): number {
  return vscode.workspace.getConfiguration("tunesmith", dataset).get<number>("sequenceLength", 1024);
}
