import { checkRow } from "./checkRow";
import type { Dialect } from "./formats/format";
import { parseJson } from "./json";
import { type Line, LONGEST_LINE } from "./lines";
import type { RowProblem } from "./problem";

/** A line's value, or why it has none. */
export type ParsedLine = { value: unknown; problem: null } | { value: undefined; problem: RowProblem };

/** Null: the line is blank and no row. */
export function parseLine(line: Line): ParsedLine | null {
  const { text, fault } = line;
  if (text === null) return { value: undefined, problem: faultProblem(fault) };
  if (/^[ \t\r]*$/.test(text)) return null;
  try {
    return { value: JSON.parse(text), problem: null };
  } catch {
    const result = parseJson(text);
    const message = result.ok ? "The row is not valid JSON" : result.error.message;
    return { value: undefined, problem: { check: "json-syntax", message: `${message}.`, path: [] } };
  }
}

/** Everything that is wrong with a line, whatever stage finds it. */
export function lineProblems(parsed: ParsedLine, dialect: Dialect | null): RowProblem[] {
  return parsed.problem !== null ? [parsed.problem] : checkRow(parsed.value, dialect);
}

/** Whether a file's first row is the beginning of a JSON array over many lines: the commonest wrong file. */
export function opensArray(parsed: ParsedLine, text: string | null): boolean {
  return parsed.problem !== null && (text?.trimStart().startsWith("[") ?? false);
}

export function arrayMessage(path: string): string {
  return `${path} is one JSON array, not JSON Lines: put each row on a line of its own, without the brackets and commas around them.`;
}

function faultProblem(fault: Line["fault"]): RowProblem {
  if (fault === "too-long") {
    const limit = LONGEST_LINE / (1024 * 1024);
    return {
      check: "line-too-long",
      message: `The line is longer than ${limit} MiB: each line must hold one row; is this a JSON array instead of JSON Lines?`,
      path: [],
    };
  }
  return {
    check: "invalid-utf8",
    message: "The line is not valid UTF-8: save the file as UTF-8.",
    path: [],
  };
}
