/** What is wrong with one line, at which columns. Pure: a line's result depends on its text and the file's format alone. */

import { checkRow } from "../dataset/checkRow";
import type { Format } from "../dataset/formats/format";
import { headAt, type JsonTree, parseJson, rangeAt, type TextRange } from "../dataset/json";
import type { ProblemReason, RowProblem } from "../dataset/problem";

export type Severity = "error" | "warning" | "information";

/** A problem in a line's text. */
export interface Finding {
  reason: ProblemReason;
  severity: Severity;
  message: string;
  offset: number;
  length: number;
}

export type ParsedRow =
  | { kind: "blank" }
  | { kind: "invalid"; findings: Finding[] }
  | { kind: "value"; value: unknown; duplicates: Finding[] };

/**
 * Errors are rows that must be mended; warnings are rows that are well formed but of no use as they are. Either way the
 * run leaves the row out, except for a repeated key, whose last value it takes.
 */
const SEVERITY: Record<ProblemReason, Severity> = {
  "invalid-json": "error",
  "not-an-object": "error",
  "unknown-format": "error",
  "missing-field": "error",
  "wrong-type": "error",
  "invalid-text": "error",
  "roles-order": "error",
  "no-assistant-turn": "error",
  "empty-answer": "warning",
  "empty-instruction": "warning",
  "special-token": "warning",
  "over-length": "warning",
  "duplicate-key": "warning",
};

/** Reasons that say something about a container as a whole: only its head is marked. */
const ABOUT_CONTAINER: ReadonlySet<ProblemReason> = new Set([
  "missing-field",
  "unknown-format",
  "no-assistant-turn",
  "over-length",
]);

const BLANK = /^[ \t]*$/;

export function parseRow(text: string): ParsedRow {
  if (BLANK.test(text)) return { kind: "blank" };
  const result = parseJson(text);
  if (!result.ok) {
    const { offset, length, message } = result.error;
    return { kind: "invalid", findings: [finding("invalid-json", `${message}.`, visible({ offset, length }, text))] };
  }
  return { kind: "value", value: JSON.parse(text), duplicates: result.duplicateKeys.map(repeatedKey) };
}

function repeatedKey({ key, offset, length }: { key: string } & TextRange): Finding {
  const message = `The key ${JSON.stringify(key)} occurs twice in this object: only the last one counts.`;
  return finding("duplicate-key", message, { offset, length });
}

export function checkParsedRow(text: string, value: unknown, format: Format): Finding[] {
  const problems = checkRow(value, format);
  return problems.length === 0 ? [] : locate(text, problems);
}

/** Puts problems that name a path at their columns. `text` must be valid JSON. */
export function locate(text: string, problems: readonly RowProblem[]): Finding[] {
  const tree = parseJson(text);
  if (!tree.ok) return [];
  return problems.map((problem) => finding(problem.reason, problem.message, place(tree, problem)));
}

function place(tree: JsonTree, { reason, path }: RowProblem): TextRange {
  return ABOUT_CONTAINER.has(reason) ? headAt(tree, path) : rangeAt(tree, path);
}

function finding(reason: ProblemReason, message: string, { offset, length }: TextRange): Finding {
  return { reason, severity: SEVERITY[reason], message, offset, length };
}

/** An empty range, as at the end of a row, is widened to the character before it: an editor cannot underline nothing. */
function visible({ offset, length }: TextRange, text: string): TextRange {
  if (length > 0 || offset === 0) return { offset, length };
  const width = /[\ud800-\udbff][\udc00-\udfff]$/.test(text.slice(Math.max(0, offset - 2), offset)) ? 2 : 1;
  return { offset: offset - width, length: width };
}
