import * as vscode from "vscode";
import { count } from "../figures";
import type { CompletionState } from "./completionController";
import { describeMode } from "./context/describeMode";
import type { OffReason } from "./isEnabled";

type InUse = Exclude<CompletionState, { kind: "off" }>;

/** What a person is told of the model in use: one sentence or figure a line. */
export function describeState(state: InUse, off: OffReason | null): string[] {
  const lines = describeOff(off);
  switch (state.kind) {
    case "waiting":
      return [...lines, vscode.l10n.t("Loads with the first Python file")];
    case "unloaded":
      return [...lines, vscode.l10n.t("Unloaded, since it was not used for long; loads with the next completion")];
    case "resting":
      return [...lines, vscode.l10n.t("Completion rests while a run computes")];
    case "loading":
      return [...lines, vscode.l10n.t("Loading the model")];
    case "failed":
      return [...lines, state.message];
    case "ready":
      return [...lines, ...describeReady(state)];
  }
}

function describeReady(state: Extract<InUse, { kind: "ready" }>): string[] {
  const lines = [
    vscode.l10n.t("Completes Python on {0}", providerName(state.provider)),
    vscode.l10n.t("Memory: {0} MB", count(state.memoryBytes / 1e6)),
  ];
  if (state.lastMs !== null) lines.push(vscode.l10n.t("Last completion: {0} ms", count(state.lastMs)));
  if (state.mode === "prefix") lines.push(describeMode(state.mode));
  if (state.notTaken.length > 0) {
    const names = state.notTaken.map(({ provider }) => providerName(provider)).join(", ");
    lines.push(vscode.l10n.t("Not on {0}: the log says why", names));
  }
  return lines;
}

function describeOff(off: OffReason | null): string[] {
  switch (off) {
    case null:
      return [];
    case "workspace":
      return [vscode.l10n.t("Completion is turned off in this workspace")];
    case "setting":
      return [vscode.l10n.t("Completion is turned off here by the setting tunesmith.completion.enabled")];
  }
}

const PROVIDERS: Record<string, string> = {
  cpu: "CPU",
  cuda: "CUDA",
  dml: "DirectML",
  coreml: "CoreML",
  webgpu: "WebGPU",
};

export function providerName(provider: string): string {
  return Object.hasOwn(PROVIDERS, provider) ? PROVIDERS[provider]! : provider;
}
