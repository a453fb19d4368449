import { parseJson } from "../../json";

/** The text without the blanks between its values: one line, every value written as it was. */
export function oneLine(text: string): string {
  if (!/[\n\r]/.test(text)) return text;
  const pieces: string[] = [];
  let from = 0;
  for (let at = 0; at < text.length; ) {
    const char = text[at]!;
    if (char === '"') {
      at = stringEnd(text, at);
    } else if (char === " " || char === "\n" || char === "\r" || char === "\t") {
      pieces.push(text.slice(from, at));
      while (" \n\r\t".includes(text[at] ?? "x")) at++;
      from = at;
    } else {
      at++;
    }
  }
  pieces.push(text.slice(from));
  return pieces.join("");
}

const nonFinite = /NaN|-?Infinity/g;

/** Python writes NaN and Infinity where JSON has no word: the text with null in their place, and how many there were. */
export function nullForNonFinite(text: string): { text: string; count: number } {
  const pieces: string[] = [];
  let count = 0;
  let from = 0;
  const replace = (to: number) => {
    pieces.push(
      text.slice(from, to).replace(nonFinite, () => {
        count++;
        return "null";
      }),
    );
  };
  for (let quote = text.indexOf('"'); quote >= 0; quote = text.indexOf('"', from)) {
    replace(quote);
    from = stringEnd(text, quote);
    pieces.push(text.slice(quote, from));
  }
  replace(text.length);
  return { text: pieces.join(""), count };
}

/** Whether a number has more digits than a value of JavaScript keeps. */
export function hasLongNumber(text: string): boolean {
  if (!longNumber.test(text)) return false;
  let from = 0;
  for (let quote = text.indexOf('"'); quote >= 0; quote = text.indexOf('"', from)) {
    if (longNumber.test(text.slice(from, quote))) return true;
    from = stringEnd(text, quote);
  }
  return longNumber.test(text.slice(from));
}

const longNumber = /\d{16}/;

/** Past the closing quote of the string that begins at `at`; the text's end where it is never closed. */
function stringEnd(text: string, at: number): number {
  for (let quote = text.indexOf('"', at + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text[quote - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return text.length;
}

export type ParsedText =
  | { value: unknown; text: string; nonFinite: number }
  | { value: undefined; text: null; message: string; line: number; column: number };

/** `line` and `column` of a fault count from the text's start, 1-based; columns in UTF-16 code units. */
export function parseText(text: string): ParsedText {
  try {
    return { value: JSON.parse(text), text, nonFinite: 0 };
  } catch {
    const mended = nullForNonFinite(text);
    if (mended.count > 0) {
      try {
        return { value: JSON.parse(mended.text), text: mended.text, nonFinite: mended.count };
      } catch {
        // The fault is another one: it is described below.
      }
    }
  }
  const result = parseJson(text);
  const { message, offset } = result.ok ? { message: "The row is not valid JSON", offset: 0 } : result.error;
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return { value: undefined, text: null, message, line, column: offset - before.lastIndexOf("\n") };
}
