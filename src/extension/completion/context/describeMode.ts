import * as vscode from "vscode";
import type { PromptSection, WorkerResponse } from "../../../protocol/worker";

type Mode = Extract<WorkerResponse, { type: "completion" }>["mode"];

/** What the model sees of the code around the cursor, in a sentence. */
export function describeMode(mode: Mode): string {
  switch (mode) {
    case "fim":
      return vscode.l10n.t("Sees the code before and after the cursor");
    case "prefix":
      return vscode.l10n.t(
        "Sees the code before the cursor only: this model has no tokens for filling in; what follows is not repeated",
      );
    case "instruct":
      return vscode.l10n.t("Answers what the comment or docstring asks for, as it was trained to");
  }
}

/** The mode that a prompt was made in. */
export function modeOf(sections: readonly PromptSection[]): Mode {
  if (sections.some(({ kind }) => kind === "instruction")) return "instruct";
  return sections.some(({ kind }) => kind === "suffix") ? "fim" : "prefix";
}
