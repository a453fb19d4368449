import * as vscode from "vscode";
import type { PromptSection } from "../../../protocol/worker";
import { count } from "../../figures";
import { escapeMarkdown, table } from "../statistics/markdownTable";
import { describeMode, modeOf } from "./describeMode";

/** The last prompt as Markdown: what it is made of, in its order, with the tokens of each part. */
export function promptReport(sections: readonly PromptSection[] | null): string {
  const title = `# ${vscode.l10n.t("Last prompt")}`;
  if (sections === null || sections.length === 0) {
    const nothing = vscode.l10n.t(
      "Nothing has been completed yet. Use a tuned model for completion and type in a Python file; what the model was shown stands here then.",
    );
    return `${title}\n\n${nothing}\n`;
  }
  const head = [vscode.l10n.t("Part"), vscode.l10n.t("Tokens"), vscode.l10n.t("At most")];
  const total = sections.reduce((sum, { tokens }) => sum + tokens, 0);
  const rows = sections.map((section) => [
    escapeMarkdown(labelOf(section)),
    count(section.tokens),
    count(section.room ?? section.tokens),
  ]);
  const sum = [vscode.l10n.t("Together"), count(total), count(budgetOf(sections))].map((cell) => `**${cell}**`);
  return [
    title,
    "",
    describeMode(modeOf(sections)),
    "",
    table(head, [...rows, sum]),
    ...sections.filter(({ kind }) => kind !== "control").flatMap(block),
    "",
  ].join("\n");
}

/** What one part leaves over another may take: the prefix, or the instruction, has the room that is left. */
function budgetOf(sections: readonly PromptSection[]): number {
  const takesTheRest = ({ kind }: PromptSection) => kind === "prefix" || kind === "instruction";
  return sections.reduce((sum, section) => {
    return sum + (takesTheRest(section) ? (section.room ?? section.tokens) : section.tokens);
  }, 0);
}

function labelOf({ kind, label }: PromptSection): string {
  switch (kind) {
    case "control":
      return label;
    case "prefix":
      return vscode.l10n.t("Code before the cursor");
    case "suffix":
      return vscode.l10n.t("Code after the cursor");
    case "instruction":
      return vscode.l10n.t("Instruction, with the template {0}", label);
    case "context":
      return contextLabel(label);
  }
}

function contextLabel(label: string): string {
  const [, kind, path] = /^(definition|edit|similar): ([\s\S]*)$/.exec(label) ?? [];
  switch (kind) {
    case "definition":
      return vscode.l10n.t("Definitions in {0}", path!);
    case "edit":
      return vscode.l10n.t("Edited last in {0}", path!);
    case "similar":
      return vscode.l10n.t("Similar code in {0}", path!);
    default:
      return label;
  }
}

function block(section: PromptSection): string[] {
  const { text, tokens, kind } = section;
  const heading = `## ${escapeMarkdown(labelOf(section))} (${vscode.l10n.t("{0} tokens", count(tokens))})`;
  if (text === "") return ["", heading, "", vscode.l10n.t("Empty.")];
  const fence = fenceFor(text);
  return ["", heading, "", `${fence}${kind === "instruction" ? "text" : "python"}`, text.replace(/\n$/, ""), fence];
}

/** Longer than any run of backticks within: code cannot end its own block. */
export function fenceFor(text: string): string {
  const longest = (text.match(/`+/g) ?? []).reduce((length, run) => Math.max(length, run.length), 2);
  return "`".repeat(longest + 1);
}
