/**
 * Makes a line JSON where it is clear what is meant: Python's and JavaScript's ways to write values, trailing commas,
 * raw control characters, missing ends. Reads every character once and never recurses. What comes out is valid JSON, a
 * value a line, or null.
 */

import { applyEdits } from "./edits";
import type { TextEdit } from "./fix";
import { type Quote, readQuoted } from "./repairString";

export type RepairKind =
  | "split"
  | "row-comma"
  | "trailing-comma"
  | "python"
  | "quotes"
  | "keys"
  | "control"
  | "escape"
  | "comment"
  | "number"
  | "space"
  | "closers"
  | "other";

export interface JsonRepair {
  edits: TextEdit[];
  kinds: ReadonlySet<RepairKind>;
  /** Nothing had to be guessed. */
  certain: boolean;
}

/** What stands where a value is expected, as JSON has it. */
const WORDS: Readonly<Record<string, string>> = {
  true: "true",
  false: "false",
  null: "null",
  True: "true",
  False: "false",
  None: "null",
  TRUE: "true",
  FALSE: "false",
  NULL: "null",
  Null: "null",
  NaN: "null",
  nan: "null",
  Infinity: "null",
  inf: "null",
  undefined: "null",
};

const QUOTES: Readonly<Record<string, string>> = { '"': '"', "'": "'", "`": "`", "“": "”", "‘": "’" };
const SPACE = /[ \t\r\n]*/y;
const ODD_SPACE = /[\s\u200b\ufeff]/;
const WORD = /[\p{L}_$][\p{L}\p{N}_$-]*/uy;
const NUMBER = /[-+]?(?:[0-9]+(?:_[0-9]+)*)?(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?/y;
const LONGEST_WORD = 40;
/** Of keys as they stand after a comma that is missing. */
const NEXT_KEY = /\s*"[^"\\]{0,60}"\s*:/y;

type State = "value" | "first-value" | "key" | "first-key" | "colon" | "after" | "end";

class Unclear extends Error {}

export function repairJson(text: string): JsonRepair | null {
  const repairer = new Repairer(text);
  try {
    repairer.run();
  } catch (error) {
    if (error instanceof Unclear) return null;
    throw error;
  }
  const { edits, kinds, certain } = repairer;
  if (edits.length === 0) return null;
  const repaired = applyEdits(text, edits).split("\n");
  return repaired.every(isJson) ? { edits, kinds, certain } : null;
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

class Repairer {
  readonly edits: TextEdit[] = [];
  readonly kinds = new Set<RepairKind>();
  certain = true;
  private at = 0;
  /** The closers of what is open. */
  private readonly open: ("}" | "]")[] = [];
  private state: State = "value";
  /** Where the last value or comma ended. */
  private lastEnd = 0;
  private comma = -1;

  constructor(private readonly text: string) {}

  run(): void {
    for (;;) {
      this.skipSpace();
      if (this.at >= this.text.length) {
        this.finish();
        return;
      }
      this.step();
    }
  }

  private step(): void {
    switch (this.state) {
      case "value":
      case "first-value":
        this.value();
        return;
      case "key":
      case "first-key":
        this.key();
        return;
      case "colon":
        if (this.text[this.at] !== ":") throw new Unclear();
        this.at++;
        this.state = "value";
        return;
      case "after":
        this.afterValue();
        return;
      case "end":
        this.afterRow();
    }
  }

  private value(): void {
    const char = this.text[this.at]!;
    if (char === "]" || char === ")") {
      if (this.open.at(-1) !== "]" || (this.state === "value" && this.comma < 0)) throw new Unclear();
      if (this.state === "value") this.removeComma();
      this.close(char);
    } else if (char === "{") this.push("}", "first-key");
    else if (char === "[") this.push("]", "first-value");
    else if (char === "(") {
      this.replace(1, "[", "python");
      this.push("]", "first-value", 0);
    } else if (QUOTES[char] !== undefined) this.quoted();
    else if (/[-+.0-9]/.test(char)) this.number();
    else this.word();
  }

  private push(closer: "}" | "]", state: State, width = 1): void {
    this.open.push(closer);
    this.at += width;
    this.comma = -1;
    this.state = state;
  }

  private key(): void {
    const char = this.text[this.at]!;
    if (char === "}") {
      if (this.state === "key") this.removeComma();
      this.close(char);
      return;
    }
    if (QUOTES[char] !== undefined) {
      this.quoted();
    } else {
      WORD.lastIndex = this.at;
      const word = WORD.exec(this.text)?.[0];
      if (word === undefined || word.length > LONGEST_WORD) throw new Unclear();
      this.replace(word.length, JSON.stringify(word), "keys");
    }
    this.state = "colon";
  }

  private removeComma(): void {
    this.insertAt(this.comma, 1, "", "trailing-comma");
    this.comma = -1;
  }

  private close(char: string): void {
    const closer = this.open.pop()!;
    if (char === closer) this.at++;
    else this.replace(1, closer, "python");
    this.ended();
  }

  private ended(): void {
    this.lastEnd = this.at;
    this.comma = -1;
    this.state = this.open.length === 0 ? "end" : "after";
  }

  private afterValue(): void {
    const char = this.text[this.at]!;
    const closer = this.open.at(-1)!;
    if (char === ",") {
      this.comma = this.at++;
      this.state = closer === "}" ? "key" : "value";
    } else if (char === closer || (char === ")" && closer === "]")) this.close(char);
    else if (closer === "}" && char === '"') {
      NEXT_KEY.lastIndex = this.at;
      if (!NEXT_KEY.test(this.text)) throw new Unclear();
      this.insertAt(this.lastEnd, 0, ",", "other");
      this.certain = false;
      this.state = "key";
    } else throw new Unclear();
  }

  /** Behind a whole row. */
  private afterRow(): void {
    const char = this.text[this.at]!;
    if (char === "{" || char === "[") {
      this.insertAt(
        this.comma < 0 ? this.lastEnd : this.comma,
        this.at - (this.comma < 0 ? this.lastEnd : this.comma),
        "\n",
        "split",
      );
      this.comma = -1;
      this.state = "value";
    } else if (char === "," || char === ";") {
      if (this.comma >= 0) throw new Unclear();
      this.comma = this.at++;
    } else if (char === "}" || char === "]") {
      this.replace(1, "", "closers");
      this.certain = false;
    } else throw new Unclear();
  }

  private finish(): void {
    if (this.state === "end") {
      if (this.comma >= 0) this.insertAt(this.comma, 1, "", "row-comma");
      return;
    }
    if (this.open.length === 0 || this.state === "colon") throw new Unclear();
    const afterComma = (this.state === "key" || this.state === "value") && this.comma >= 0;
    if (this.state === "value" && !afterComma) throw new Unclear();
    if (afterComma) this.removeComma();
    // The rest may stand on the next line, or be lost.
    this.certain = false;
    const last = this.edits.at(-1);
    const end = Math.max(this.text.trimEnd().length, last ? last.offset + last.length : 0);
    this.insertAt(end, 0, this.open.reverse().join(""), "closers");
  }

  private quoted(): void {
    const quote: Quote = { open: this.text[this.at]!, close: QUOTES[this.text[this.at]!]! };
    const read = readQuoted(this.text, this.at, quote, this.open);
    for (const { kind, ...edit } of read.edits) this.insertAt(edit.offset, edit.length, edit.text, kind);
    if (!read.certain) this.certain = false;
    this.at = read.end;
    this.ended();
  }

  private number(): void {
    NUMBER.lastIndex = this.at;
    const found = NUMBER.exec(this.text)?.[0] ?? "";
    const next = this.text[this.at + found.length] ?? "";
    if (/^[-+]$/.test(found)) {
      WORD.lastIndex = this.at + 1;
      const word = WORD.exec(this.text)?.[0] ?? "";
      if (!/^(?:Infinity|inf|NaN|nan)$/.test(word)) throw new Unclear();
      this.replace(1 + word.length, "null", "python");
    } else {
      if (!/[0-9]/.test(found) || /[\w.]/.test(next)) throw new Unclear();
      const written = jsonNumber(found);
      if (written === found) this.at += found.length;
      else this.replace(found.length, written, "number");
    }
    this.ended();
  }

  private word(): void {
    WORD.lastIndex = this.at;
    const word = WORD.exec(this.text)?.[0];
    if (word === undefined || word.length > LONGEST_WORD) throw new Unclear();
    const quote = this.text[this.at + word.length];
    // Python's prefixes.
    if ((word === "u" || word === "U") && (quote === "'" || quote === '"')) {
      this.replace(1, "", "python");
      return;
    }
    if (Object.hasOwn(WORDS, word)) {
      if (WORDS[word] === word) this.at += word.length;
      else this.replace(word.length, WORDS[word]!, "python");
    } else {
      if (!/^\s*[,}\]]/.test(this.text.slice(this.at + word.length, this.at + word.length + 20))) throw new Unclear();
      this.replace(word.length, JSON.stringify(word), "quotes");
      this.certain = false;
    }
    this.ended();
  }

  private skipSpace(): void {
    for (;;) {
      SPACE.lastIndex = this.at;
      SPACE.test(this.text);
      this.at = Math.max(this.at, SPACE.lastIndex);
      const char = this.text[this.at];
      if (char === undefined) return;
      if (char.charCodeAt(0) > 0x20 && ODD_SPACE.test(char))
        this.replace(1, char === "\ufeff" || char === "\u200b" ? "" : " ", "space");
      else if (!this.skipComment()) return;
    }
  }

  private skipComment(): boolean {
    const { text, at } = this;
    let end = -1;
    if (text.startsWith("//", at) || text[at] === "#") end = text.length;
    else if (text.startsWith("/*", at)) end = text.indexOf("*/", at + 2) + 2;
    if (end <= 1) return false;
    // What follows a comment to the line's end may have belonged to the row.
    if (this.state !== "end" && end === text.length) this.certain = false;
    this.replace(end - at, "", "comment");
    return true;
  }

  private replace(length: number, put: string, kind: RepairKind): void {
    this.insertAt(this.at, length, put, kind);
    this.at += length;
  }

  private insertAt(offset: number, length: number, text: string, kind: RepairKind): void {
    this.kinds.add(kind);
    const edit = { offset, length, text };
    // A comma is taken away after what stands behind it was looked at.
    let index = this.edits.length;
    while (index > 0 && standsBehind(this.edits[index - 1]!, edit)) index--;
    // What splits two rows takes all between them, comments too.
    while (length > 0 && this.edits[index] !== undefined && this.edits[index]!.offset < offset + length) {
      this.edits.splice(index, 1);
    }
    this.edits.splice(index, 0, edit);
  }
}

/** Whether an edit that was made earlier comes after `edit` in the line, or lies within it. */
function standsBehind(earlier: TextEdit, { offset, length }: TextEdit): boolean {
  return earlier.offset > offset || (earlier.offset === offset && length > 0 && earlier.length > 0);
}

/** `found`: digits with a sign, underscores and a point as other languages allow them. */
function jsonNumber(found: string): string {
  const [, sign, rest] = /^([-+]?)(.*)$/.exec(found.replaceAll("_", "")) as unknown as [string, string, string];
  let written = rest.startsWith(".") ? `0${rest}` : rest;
  written = written.replace(/\.(?![0-9])/, ".0");
  return (sign === "-" ? "-" : "") + written;
}
