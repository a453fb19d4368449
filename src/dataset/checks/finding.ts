/** Puts problems, which name paths in a row, at their places in the row's line. */

import { headAt, type JsonNode, type JsonTree, nodeAt, parseJson, rangeAt, type TextRange } from "../json";
import type { RowProblem } from "../problem";
import type { CheckId } from "./table";

/** A problem at its place in a line's text, in UTF-16 code units. */
export interface Finding {
  check: CheckId;
  message: string;
  offset: number;
  /** At least 1 unless the line is empty. */
  length: number;
}

/** Checks that say something about a container as a whole: only its head is marked. */
const ABOUT_CONTAINER: ReadonlySet<CheckId> = new Set<CheckId>([
  "missing-field",
  "unknown-format",
  "other-format",
  "preference-data",
  "no-data-set",
  "no-assistant-turn",
  "all-masked",
  "over-length",
  "answer-cut",
  "template-mismatch",
  "task-imbalance",
]);

/** `text` must be valid JSON. */
export function locateProblems(text: string, problems: readonly RowProblem[]): Finding[] {
  if (problems.length === 0) return [];
  const tree = parseJson(text);
  if (!tree.ok) return [];
  return problems.map((problem) => ({
    check: problem.check,
    message: problem.message,
    ...visible(place(tree, problem), text),
  }));
}

function place(tree: JsonTree, { check, path, range, atKey }: RowProblem): TextRange {
  if (atKey) return keyAt(tree, path);
  if (range) {
    const node = nodeAt(tree, path);
    if (node?.kind === "string") return rangeInString(tree.text, node, range.start, range.end);
  }
  return ABOUT_CONTAINER.has(check) ? headAt(tree, path) : rangeAt(tree, path);
}

/** The key that the value at `path` stands under. */
function keyAt(tree: JsonTree, path: RowProblem["path"]): TextRange {
  const parent = nodeAt(tree, path.slice(0, -1));
  const value = nodeAt(tree, path);
  const member = parent?.kind === "object" ? parent.members.find((candidate) => candidate.value === value) : undefined;
  return member ? { offset: member.key.offset, length: member.key.length } : rangeAt(tree, path);
}

/** From units of the string that a literal stands for to units of the literal. */
function rangeInString(text: string, node: JsonNode & { kind: "string" }, start: number, end: number): TextRange {
  const first = node.offset + 1;
  if (!node.escaped) return { offset: first + start, length: end - start };
  const last = node.offset + node.length - 1;
  let at = first;
  let unit = 0;
  let from = first;
  while (at < last && unit < end) {
    if (unit === start) from = at;
    at += unitLength(text, at);
    unit++;
  }
  if (unit <= start) from = at;
  return { offset: from, length: at - from };
}

/** How many characters of a literal stand for the unit that begins at `at`. */
export function unitLength(text: string, at: number): number {
  if (text[at] !== "\\") return 1;
  return text[at + 1] === "u" ? 6 : 2;
}

/** An empty range, as at the end of a row, is widened to the character before it: an editor cannot underline nothing. */
export function visible({ offset, length }: TextRange, text: string): TextRange {
  if (length > 0) return { offset, length };
  if (offset === 0) return { offset, length: Math.min(1, text.length) };
  const width = /[\ud800-\udbff][\udc00-\udfff]$/.test(text.slice(Math.max(0, offset - 2), offset)) ? 2 : 1;
  return { offset: offset - width, length: width };
}
