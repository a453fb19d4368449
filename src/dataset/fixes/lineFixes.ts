/** Fixes that take several lines: a row broken over lines, and a JSON array in the place of rows. */

import { applyEdits } from "./edits";
import { isJson, repairJson } from "./repairJson";

/** A row in more lines or more characters is not looked for. */
const MOST_LINES = 10_000;
const MOST_CHARACTERS = 16 * 1024 * 1024;

export interface JoinedLines {
  /** How many lines the row was broken over: 2 or more. */
  count: number;
  text: string;
  /** No text was broken, so nothing had to be guessed. */
  certain: boolean;
}

/** The shortest run of lines from `first` on that is one object. */
export function joinBrokenRow(lines: readonly { readonly text: string }[], first: number): JoinedLines | null {
  if (!lines[first]?.text.trimStart().startsWith("{")) return null;
  const scanner = new BracketScanner();
  const joiner = new PieceJoiner();
  let characters = 0;
  for (let count = 1; count <= MOST_LINES && first + count <= lines.length; count++) {
    const { text } = lines[first + count - 1]!;
    characters += text.length;
    if (characters > MOST_CHARACTERS) return null;
    joiner.add(text, scanner.inString);
    scanner.read(text);
    if (scanner.depth < 0) return null;
    if (scanner.depth > 0 || scanner.inString) continue;
    if (count === 1) return null;
    const joined = withoutComma(joiner.text);
    const mended = isObject(joined) ? joined : repaired(joined);
    return mended === null ? null : { count, text: mended, certain: mended === joined && !joiner.brokeText };
  }
  return null;
}

function repaired(text: string): string | null {
  const repair = repairJson(text);
  if (!repair?.certain) return null;
  const after = applyEdits(text, repair.edits);
  return isObject(after) ? after : null;
}

/** Whether a document's first row opens an array that goes on in other lines. */
export function opensArrayOfRows(lines: readonly { readonly text: string }[]): boolean {
  const first = lines.find(({ text }) => text.trim() !== "");
  return first?.text.trimStart().startsWith("[") === true && !isJson(first.text);
}

/**
 * The rows of a document that is one JSON array of objects; null if it is none. Yields the characters of each line, so
 * that the caller can pause.
 */
export function* unwrapArray(lines: readonly { readonly text: string }[]): Generator<number, string[] | null> {
  const scanner = new BracketScanner();
  const rows: string[] = [];
  let item: PieceJoiner | null = null;
  let ended = false;
  for (const { text } of lines) {
    yield text.length;
    let from = 0;
    const continuesText = scanner.inString;
    for (let bracket = scanner.next(text, 0); bracket; bracket = scanner.next(text, bracket.at + 1)) {
      const { at, depth, opens } = bracket;
      if (ended || depth < 0) return null;
      if (opens && depth === 2) {
        if (text[at] !== "{" || !isSeparator(text.slice(from, at))) return null;
        item = new PieceJoiner();
        from = at;
      } else if (!opens && depth === 1 && item) {
        item.add(text.slice(from, at + 1), continuesText && from === 0);
        if (!isObject(item.text)) return null;
        rows.push(item.text);
        item = null;
        from = at + 1;
      } else if (opens && depth === 1) {
        if (text[at] !== "[" || text.slice(from, at).trim() !== "") return null;
        from = at + 1;
      } else if (!opens && depth === 0) {
        if (!isSeparator(text.slice(from, at))) return null;
        ended = true;
        from = at + 1;
      }
    }
    if (item) item.add(text.slice(from), continuesText && from === 0);
    else if (!isSeparator(text.slice(from))) return null;
  }
  return ended && rows.length > 0 ? rows : null;
}

function isSeparator(text: string): boolean {
  const trimmed = text.trim();
  return trimmed === "" || trimmed === ",";
}

/** Follows brackets and quotes from line to line. */
class BracketScanner {
  depth = 0;
  inString = false;

  /** The next bracket outside of texts, and the depth after an opening or a closing one. */
  next(text: string, from: number): { at: number; depth: number; opens: boolean } | null {
    for (let at = from; at < text.length; at++) {
      const char = text[at]!;
      if (this.inString) {
        if (char === "\\") at++;
        else if (char === '"') this.inString = false;
      } else if (char === '"') this.inString = true;
      else if (char === "{" || char === "[") return { at, depth: ++this.depth, opens: true };
      else if (char === "}" || char === "]") return { at, depth: --this.depth, opens: false };
    }
    return null;
  }

  read(text: string): void {
    for (let found = this.next(text, 0); found && this.depth >= 0; ) found = this.next(text, found.at + 1);
  }
}

/** Puts the pieces of a row into one line: the indentation between them goes, a break within a text becomes \n. */
class PieceJoiner {
  private readonly pieces: string[] = [];
  private last = "";
  brokeText = false;

  add(piece: string, withinText: boolean): void {
    if (withinText) {
      this.brokeText = true;
      this.pieces.push("\\n", piece);
      this.last = piece;
      return;
    }
    const trimmed = piece.trimStart();
    const before = this.last.trimEnd();
    if (trimmed !== "" && (before.endsWith(",") || before.endsWith(":"))) this.pieces.push(" ");
    if (trimmed === "") return;
    this.pieces.push(trimmed);
    this.last = trimmed;
  }

  get text(): string {
    return this.pieces.join("").trimEnd();
  }
}

/** Without the comma that separates it from the next element of an array. */
function withoutComma(text: string): string {
  return text.endsWith(",") ? text.slice(0, -1).trimEnd() : text;
}

function isObject(text: string): boolean {
  return text.startsWith("{") && isJson(text);
}
