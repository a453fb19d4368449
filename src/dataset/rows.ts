import { checkRow } from "./checkRow";
import type { Dialect } from "./formats/format";
import { parseJson } from "./json";
import { type Line, LONGEST_LINE } from "./lines";
import type { RowProblem } from "./problem";

/** A line's value, or why it has none. */
export type ParsedLine = { value: unknown; problem: null } | { value: undefined; problem: RowProblem };

export const LINE_TOO_LONG: RowProblem = {
  check: "line-too-long",
  message: `The line is longer than ${LONGEST_LINE / (1024 * 1024)} MiB: each line must hold one row; is this a JSON array instead of JSON Lines?`,
  path: [],
};

export const INVALID_UTF8: RowProblem = {
  check: "invalid-utf8",
  message: "The line is not valid UTF-8: save the file as UTF-8.",
  path: [],
};

/** Null: the line is blank and no row. */
export function parseLine(line: Line): ParsedLine | null {
  const { text, invalidAt } = line;
  if (text === null) return { value: undefined, problem: LINE_TOO_LONG };
  if (invalidAt !== null) return { value: undefined, problem: INVALID_UTF8 };
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
  return parsed.problem !== null && text !== null && isOpenArray(text);
}

/** Whether the text begins with "[" and breaks off, so that it goes on on the next line. It must be no valid JSON. */
export function isOpenArray(text: string): boolean {
  if (!/^[ \t\r]*\[/.test(text)) return false;
  const result = parseJson(text);
  return !result.ok && result.error.offset >= text.trimEnd().length;
}

/** `file`: the sentence's subject. */
export function arrayMessage(file: string): string {
  return `${file} is one JSON array, not JSON Lines: run \`tunesmith dataset import\` on it, or put each row on a line of its own, without the brackets and commas around them.`;
}
