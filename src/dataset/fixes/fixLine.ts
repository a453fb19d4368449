/** All findings of one check in a line, mended one after the other. */

import { structureProblems } from "../checkRow";
import { type Finding, locateProblems } from "../checks/finding";
import { parseRow } from "../checks/parseRow";
import type { CheckId } from "../checks/table";
import { checkText } from "../checks/text/registry";
import type { Dialect, JsonObject } from "../formats/format";
import { nodeAt } from "../json";
import { applyEdits } from "./edits";
import { answerPaths } from "./fenceFixes";
import { type Change, Row, type RowFix, type TextEdit } from "./fix";
import { proposed, rowFixes } from "./registry";

/** A line that still has findings after so many rounds keeps them. */
const MOST_ROUNDS = 40;
/** Characters read anew, all rounds of a line together: bounds what one long line costs. */
const MOST_CHARACTERS = 40_000_000;

/** The rows that come in the line's place: none, one or more. */
export type FixedLine = readonly string[];

/**
 * `findings`: those of the line that the fix is for. Null: nothing could be done. Edits of one round that touch each
 * other wait for the next one, for which the line is checked anew.
 */
export function fixLine(
  fix: RowFix,
  check: CheckId | null,
  text: string,
  dialect: Dialect | null,
  findings: readonly Finding[],
): FixedLine | null {
  let current = text;
  let due = findings;
  const rounds = Math.min(MOST_ROUNDS, Math.max(1, Math.ceil(MOST_CHARACTERS / (text.length + 1))));
  for (let round = 0; round < rounds && due.length > 0; round++) {
    const row = new Row(current, dialect);
    const edits = editsOf(fix, row, due);
    if (edits === "drop") return [];
    if (edits.length === 0) break;
    current = applyEdits(current, edits);
    if (current.includes("\n")) return current.split("\n");
    due = check === null ? [] : rowFindings(current, dialect).filter((finding) => finding.check === check);
  }
  return current === text ? null : [current];
}

/** What the fix makes of all findings whose edits do not touch each other. */
function editsOf(fix: RowFix, row: Row, findings: readonly Finding[]): Change {
  const spans: Span[] = [];
  const edits: TextEdit[][] = [];
  for (const finding of findings) {
    const change = proposed(fix, row, finding)?.change;
    if (change === "drop") return "drop";
    if (change === undefined || change.length === 0 || !isApart(spans, spanOf(change))) continue;
    spans.push(spanOf(change));
    edits.push([...change]);
  }
  return edits.sort(([a], [b]) => a!.offset - b!.offset).flat();
}

interface Span {
  start: number;
  end: number;
}

/** From the first edit to the last. */
function spanOf(change: readonly TextEdit[]): Span {
  const last = change.at(-1)!;
  return { start: change[0]!.offset, end: last.offset + last.length };
}

function isApart(spans: readonly Span[], { start, end }: Span): boolean {
  return spans.every((span) => span.end < start || end < span.start);
}

/** Everything in a line that can be mended unseen. Null: nothing could be done. */
export function fixSafely(text: string, dialect: Dialect | null): FixedLine | null {
  let current = text;
  let findings = rowFindings(text, dialect);
  for (const fix of rowFixes) {
    if (!fix.safe) continue;
    for (const check of fix.checks) {
      const due = findings.filter((finding) => finding.check === check);
      const fixed = due.length === 0 ? null : fixLine(fix, check, current, dialect, due);
      if (fixed === null) continue;
      if (fixed.length !== 1) return fixed.flatMap((row) => fixSafely(row, dialect) ?? [row]);
      current = fixed[0]!;
      findings = rowFindings(current, dialect);
    }
  }
  return current === text ? null : [current];
}

/** What is wrong with one line alone, without Python and tokens. */
export function rowFindings(text: string, dialect: Dialect | null): Finding[] {
  const parsed = parseRow(text);
  if (parsed.kind === "blank") return [];
  if (parsed.kind === "invalid" || dialect === null) return [...parsed.syntax];
  const problems = structureProblems(parsed.value, dialect);
  if (problems.every(({ check }) => check === "unknown-field")) {
    for (const part of dialect.format.texts(parsed.value as JsonObject, dialect.layout))
      problems.push(...checkText(part));
  }
  return [...parsed.syntax, ...locateProblems(text, problems)];
}

/** A place in each answer of a row, for the fixes that are tied to no check. */
export function answerPlaces(text: string, dialect: Dialect | null): number[] {
  const row = new Row(text, dialect);
  return answerPaths(row).flatMap((path) => {
    const node = row.tree && nodeAt(row.tree, path);
    return node ? [node.offset] : [];
  });
}
