/** What is wrong with how a file is cut into lines, whatever its rows hold. */

import type { Finding } from "./finding";

export const BYTE_ORDER_MARK: Pick<Finding, "check" | "message"> = {
  check: "byte-order-mark",
  message: "The file begins with a byte order mark, which many readers take for a part of the first row: remove it.",
};

export const BLANK_LINE: Pick<Finding, "check" | "message"> = {
  check: "blank-line",
  message: "This line is blank: remove it, some readers stop here.",
};

export const NO_ROWS: Pick<Finding, "check" | "message"> = {
  check: "json-syntax",
  message: "The file holds no row: write one JSON object a line.",
};

export function mixedLineEnds(usual: string, here: string): Pick<Finding, "check" | "message"> {
  const message = `This line ends with ${endName(here)}, the lines before with ${endName(usual)}: save the file with one kind of line end.`;
  return { check: "mixed-line-ends", message };
}

function endName(end: string): string {
  return end === "\r\n" ? "CRLF" : end === "\r" ? "CR" : "LF";
}

/** A line as far as it matters here. */
export interface FileLine {
  readonly text: string;
  /** "" on the last line. */
  readonly end: string;
  /** 1 where a byte order mark stands before the text. */
  readonly indent: number;
}

const BLANK = /^[ \t\r]*$/;

/** Each at most once, but for blank lines. A file that is empty as a whole is not complained about: it is being begun. */
export function lineEndFindings(lines: readonly FileLine[]): { line: number; finding: Finding }[] {
  const found: { line: number; finding: Finding }[] = [];
  // The mark itself cannot be underlined: it has no width.
  if (lines[0]?.indent) found.push({ line: 0, finding: { ...BYTE_ORDER_MARK, offset: 0, length: 1 } });
  const usual = lines[0]?.end ?? "";
  const other = lines.findIndex(({ end }) => end !== usual && end !== "");
  if (other > 0) {
    const { text, end } = lines[other]!;
    const offset = Math.max(0, text.length - 1);
    found.push({ line: other, finding: { ...mixedLineEnds(usual, end), offset, length: 1 } });
  }
  return [...found, ...blankLines(lines)];
}

function blankLines(lines: readonly FileLine[]): { line: number; finding: Finding }[] {
  let last = lines.length - 1;
  while (last >= 0 && BLANK.test(lines[last]!.text)) last--;
  if (last < 0) return noRows(lines);
  const found: { line: number; finding: Finding }[] = [];
  for (let line = 0; line < last; line++) {
    const { text } = lines[line]!;
    if (text.length > 0 && text.charCodeAt(0) > 0x20) continue;
    if (BLANK.test(text)) found.push({ line, finding: { ...BLANK_LINE, offset: 0, length: text.length } });
  }
  return found;
}

function noRows(lines: readonly FileLine[]): { line: number; finding: Finding }[] {
  const line = lines.findIndex(({ text }) => text !== "");
  if (line < 0) return [];
  return [{ line, finding: { ...NO_ROWS, offset: 0, length: lines[line]!.text.length } }];
}
