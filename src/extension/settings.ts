import * as vscode from "vscode";

/** What completion does while a run computes. */
export type DuringTraining = "reduced" | "off" | "full";

/** The settings as they are now; what package.json declares is the default. */
export interface Settings {
  defaultModel: string;
  modelPaths: string[];
  enginePath: string;
  runsFolder: string;
  threads: number;
  completionDelay: number;
  completionMaxTokens: number;
  completionDuringTraining: DuringTraining;
  notifications: readonly string[];
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
    completionDuringTraining: duringTraining(section.get<unknown>("completion.duringTraining")),
    notifications: strings(section.get<unknown>("notifications")),
  };
}

function duringTraining(value: unknown): DuringTraining {
  return value === "off" || value === "full" ? value : "reduced";
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** Each folder of a workspace may have its own. */
export function sequenceLengthFor(dataset: vscode.Uri): number {
  return vscode.workspace.getConfiguration("tunesmith", dataset).get<number>("sequenceLength", 1024);
}
