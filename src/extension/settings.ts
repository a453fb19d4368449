import * as vscode from "vscode";
import type { ProviderChoice } from "../protocol/worker";

/** What completion does while a run computes. */
export type DuringTraining = "reduced" | "off" | "full";

/** Where it is written what rows have cost. */
export type RowLossPlace = "beside-dataset" | "run-folder";

/** The settings as they are now; what package.json declares is the default. */
export interface Settings {
  defaultModel: string;
  modelPaths: string[];
  enginePath: string;
  runsFolder: string;
  threads: number;
  completionDelay: number;
  completionMaxTokens: number;
  completionContextTokens: number;
  completionDuringTraining: DuringTraining;
  completionProvider: ProviderChoice;
  /** MB; 0: no limit. */
  completionMemoryLimit: number;
  /** Minutes; 0: never. */
  completionUnloadAfter: number;
  /** 0: greedy. */
  completionTemperature: number;
  notifications: readonly string[];
  rowLosses: RowLossPlace;
  /** °C that a GPU may reach before a word is said. */
  temperatureLimit: number;
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
    completionContextTokens: atLeastZero(section.get<unknown>("completion.contextTokens"), 512),
    completionDuringTraining: duringTraining(section.get<unknown>("completion.duringTraining")),
    completionProvider: provider(section.get<unknown>("completion.provider")),
    completionMemoryLimit: atLeastZero(section.get<unknown>("completion.memoryLimit"), 0),
    completionTemperature: Math.min(atLeastZero(section.get<unknown>("completion.temperature"), 0), 2),
    completionUnloadAfter: Math.min(atLeastZero(section.get<unknown>("completion.unloadAfter"), 15), 1440),
    notifications: strings(section.get<unknown>("notifications")),
    rowLosses: section.get<unknown>("rowLosses") === "run-folder" ? "run-folder" : "beside-dataset",
    temperatureLimit: temperatureLimit(section.get<unknown>("temperatureLimit")),
  };
}

function duringTraining(value: unknown): DuringTraining {
  return value === "off" || value === "full" ? value : "reduced";
}

const PROVIDERS: readonly ProviderChoice[] = ["auto", "cpu", "cuda", "dml", "coreml", "webgpu"];

function provider(value: unknown): ProviderChoice {
  return PROVIDERS.find((known) => known === value) ?? "auto";
}

function atLeastZero(value: unknown, otherwise: number): number {
  return typeof value === "number" && value >= 0 ? value : otherwise;
}

function temperatureLimit(value: unknown): number {
  return typeof value === "number" && value >= 40 && value <= 120 ? value : 87;
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** Each folder of a workspace may have its own. */
export function sequenceLengthFor(dataset: vscode.Uri): number {
  return vscode.workspace.getConfiguration("tunesmith", dataset).get<number>("sequenceLength", 1024);
}
