import { fieldName } from "../../formats/fields";
import type { RowProblem } from "../../problem";
import type { CheckId } from "../table";
import type { TextPart } from "../textPart";

/** A problem with the stretch of the part's text from `start` up to `end`. `what` goes on after the field's name. */
export function problemAt(part: TextPart, check: CheckId, start: number, end: number, what: string): RowProblem {
  return { check, message: `"${fieldName(part.path)}" ${what}`, path: part.path, range: { start, end } };
}

/** `U+200B`. */
export function codePointName(codePoint: number): string {
  return `U+${codePoint.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** A found text as it stands in a message: on one line, not too long. */
export function quoted(found: string, limit = 40): string {
  const line = found.replace(/\s+/g, " ");
  return `"${line.length > limit ? `${line.slice(0, limit)}…` : line}"`;
}
