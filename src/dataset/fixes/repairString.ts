/** Strings as Python and JavaScript write them, or with a slip in them, as JSON strings. */

import type { TextEdit } from "./fix";
import type { RepairKind } from "./repairJson";

export interface Quote {
  open: string;
  close: string;
}

export interface ReadString {
  edits: (TextEdit & { kind: RepairKind })[];
  /** Behind the closing quote. */
  end: number;
  certain: boolean;
}

const SIMPLE_ESCAPES = new Set('"\\/bfnrt');
/** Escapes that other languages have besides. */
const FOREIGN_ESCAPES: Readonly<Record<string, string>> = { a: "\\u0007", v: "\\u000b", "0": "\\u0000", e: "\\u001b" };
const SHORT: Readonly<Record<string, string>> = { "\t": "\\t", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r" };

/** `closers`: of what is open around the string, outermost first. */
export function readQuoted(text: string, start: number, quote: Quote, closers: readonly string[]): ReadString {
  const { open, close } = quote;
  const edits: ReadString["edits"] = [];
  const put = (offset: number, length: number, written: string, kind: RepairKind) =>
    edits.push({ offset, length, text: written, kind });
  const kind: RepairKind = open === "'" ? "python" : "quotes";
  const plain = open === '"';
  if (!plain) put(start, 1, '"', kind);
  let certain = open !== "`";
  let at = start + 1;
  while (at < text.length) {
    const char = text[at]!;
    if (char === "\\") {
      const length = escapeAt(text, at, put);
      if (length === 0) certain = false;
      at += Math.max(1, length);
    } else if (char === close) {
      if (closesHere(text, at)) {
        if (!plain) put(at, 1, '"', kind);
        return { edits, end: at + 1, certain };
      }
      // A quote with text behind it belongs to the string.
      if (close === '"') put(at, 0, "\\", "quotes");
      certain = false;
      at++;
    } else if (char === '"') {
      put(at, 0, "\\", kind);
      at++;
    } else {
      if (char < " ") put(at, 1, SHORT[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`, "control");
      at++;
    }
  }
  const end = endOfUnclosed(text, start, closers);
  const kept = edits.filter(({ offset }) => offset < end);
  kept.push({ offset: end, length: 0, text: '"', kind: "closers" });
  return { edits: kept, end, certain: false };
}

/** Escapes or removes what JSON does not know; the escape's length, 0 where it is cut off. */
function escapeAt(
  text: string,
  at: number,
  put: (offset: number, length: number, written: string, kind: RepairKind) => void,
): number {
  const next = text[at + 1];
  if (next === undefined) {
    put(at, 1, "", "escape");
    return 0;
  }
  if (SIMPLE_ESCAPES.has(next)) return 2;
  const hex = next === "u" ? 4 : next === "x" ? 2 : 0;
  if (hex > 0 && isHex(text.slice(at + 2, at + 2 + hex), hex)) {
    if (next === "x") put(at, 2, "\\u00", "escape");
    return 2 + hex;
  }
  if (next === "'" || next === "`") put(at, 1, "", "escape");
  else if (Object.hasOwn(FOREIGN_ESCAPES, next) && !/[0-9]/.test(text[at + 2] ?? "")) {
    put(at, 2, FOREIGN_ESCAPES[next]!, "escape");
  } else {
    put(at, 0, "\\", "escape");
    // What follows is read as any other character: it may be the closing quote or a control character.
    return 1;
  }
  return 2;
}

function isHex(text: string, length: number): boolean {
  return text.length === length && /^[0-9a-fA-F]*$/.test(text);
}

/** Whether what follows is what follows a string. */
function closesHere(text: string, at: number): boolean {
  let next = at + 1;
  while (next < text.length && /[\s]/.test(text[next]!)) next++;
  const char = text[next];
  if (char === undefined || char === "}" || char === "]" || char === ")" || char === ":") return true;
  if (char === ",") return startsValue(text, next + 1);
  // Behind a missing comma, a key.
  return char === '"' && next > at + 1 && /^"[^"\\]{0,60}"\s{0,20}:/.test(text.slice(next, next + 90));
}

/** A comma within a text is followed by words, one between values by a value. */
function startsValue(text: string, from: number): boolean {
  let next = from;
  while (next < text.length && /[\s]/.test(text[next]!)) next++;
  const rest = text.slice(next, next + 50);
  return rest === "" || /^(?:["'`“‘{[(\]}#/+.-]|[0-9]|(?:[A-Za-z_$][\w$]{0,40}\s{0,5}[:,}\])])|[uU]["'])/.test(rest);
}

/** A string without an end goes up to the closers that end the line, where they are the ones that are due. */
function endOfUnclosed(text: string, start: number, closers: readonly string[]): number {
  let end = text.trimEnd().length;
  // A comma behind the row is no part of the text.
  let index = 0;
  let candidate = end;
  while (index < closers.length && candidate > start + 1 && text[candidate - 1] === closers[index]) {
    candidate--;
    while (candidate > start + 1 && text[candidate - 1] === " ") candidate--;
    index++;
  }
  if (index === closers.length) end = candidate;
  return end;
}
