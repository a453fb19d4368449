/** What stands around a cursor in Python, read off the text before it. Pure; broken code is what it mostly sees. */

export type Where = "code" | "comment" | "string";

export interface PythonScan {
  where: Where;
  /** The closers that the brackets open at the end wait for, the innermost last. */
  awaited: readonly string[];
  /** Where the brackets stand that `awaited` closes. */
  openers: readonly number[];
  /** Closers that no bracket of the text opened, in their order, and where they stand. */
  unopened: readonly { closer: string; at: number }[];
  /** The text ends behind a string that is a statement of its own: its indentation. Null: it does not. */
  docstringIndent: string | null;
  /** Strings opened by ' and by ", other than docstrings. */
  quotes: { single: number; double: number };
}

const CLOSER: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };
/** A line that begins like this is a statement, whatever brackets before it were left open. */
const FRESH_STATEMENT =
  /^[ \t]*(?:def \w|class \w|async def \w|@\w|import \w|from [\w.]+ import |return\b|if __name__)/;
/** A line that a docstring hardly holds: behind it a text that begins anywhere is read as code. */
const TOP_LEVEL = /^(?:(?:async )?def \w+\(|class \w+[(:]|import [\w., ]+$|from [\w.]+ import |@\w)/m;

/** Brackets within brackets. */
const DEEPEST = 200;

interface OpenString {
  quote: string;
  triple: boolean;
  formatted: boolean;
  raw: boolean;
  start: number;
}

/** A bracket that is open, or the string whose replacement field `{` is. */
type Frame = { closer: string; at: number; string: OpenString | null };

class Scanner {
  private readonly frames: Frame[] = [];
  private readonly unopened: { closer: string; at: number }[] = [];
  private readonly quotes = { single: 0, double: 0 };
  private string: OpenString | null = null;
  private inComment = false;
  /** The end and the indentation of the last string that began a statement. */
  private statementString: { end: number; indent: string } | null = null;

  constructor(private readonly text: string) {}

  scan(): PythonScan {
    for (let at = 0; at < this.text.length; ) at = this.step(at);
    const docstring = this.statementString;
    const behind = docstring !== null && this.text.slice(docstring.end).match(/^[ \t]*$/) !== null;
    return {
      where: this.string !== null ? "string" : this.inComment ? "comment" : "code",
      awaited: this.frames.map(({ closer }) => closer),
      openers: this.frames.map(({ at }) => at),
      unopened: this.unopened,
      docstringIndent: behind && this.string === null && !this.inComment ? docstring!.indent : null,
      quotes: this.quotes,
    };
  }

  /** The index behind what stands at `at`. */
  private step(at: number): number {
    const character = this.text[at]!;
    if (character === "\n") return this.newline(at);
    if (this.inComment) return at + 1;
    if (this.string !== null) return this.inString(this.string, at);
    if (character === "#") this.inComment = true;
    else if (character === '"' || character === "'") return this.openString(at);
    else if (CLOSER[character] !== undefined) this.open({ closer: CLOSER[character], at, string: null });
    else if (character === ")" || character === "]" || character === "}") this.close(character, at);
    return at + 1;
  }

  private newline(at: number): number {
    this.inComment = false;
    const continued = this.text[at - 1] === "\\";
    if (this.string !== null && !this.string.triple && !continued) this.string = null;
    if (this.string === null && this.frames.length > 0) {
      // Replacement fields of strings that cannot go on over the line's end are left with it.
      const torn = this.frames.findIndex(({ string }) => string !== null && !string.triple);
      if (torn !== -1) this.frames.length = torn;
      const end = this.text.indexOf("\n", at + 1);
      if (FRESH_STATEMENT.test(this.text.slice(at + 1, end === -1 ? undefined : end))) this.frames.length = 0;
    }
    return at + 1;
  }

  private openString(at: number): number {
    const quote = this.text[at]!;
    const triple = this.text.startsWith(quote.repeat(3), at);
    const prefix = /(?<![\w])[A-Za-z]{1,2}$/.exec(this.text.slice(Math.max(0, at - 3), at))?.[0].toLowerCase() ?? "";
    this.string = {
      quote,
      triple,
      formatted: prefix.includes("f"),
      raw: prefix.includes("r"),
      start: at - prefix.length,
    };
    if (!triple) this.quotes[quote === "'" ? "single" : "double"]++;
    return at + (triple ? 3 : 1);
  }

  private inString(string: OpenString, at: number): number {
    const character = this.text[at]!;
    // In a raw string too, a backslash keeps the quote behind it from ending the string.
    if (character === "\\" && this.text[at + 1] !== "\n") return at + 2;
    if (string.formatted && character === "{") {
      if (this.text[at + 1] === "{") return at + 2;
      this.open({ closer: "}", at, string });
      this.string = null;
      return at + 1;
    }
    const end = string.triple ? string.quote.repeat(3) : string.quote;
    if (!this.text.startsWith(end, at)) return at + 1;
    this.string = null;
    const before = this.text.slice(this.text.lastIndexOf("\n", string.start - 1) + 1, string.start);
    if (string.triple && before.trim() === "" && this.frames.length === 0) {
      this.statementString = { end: at + end.length, indent: before };
    }
    return at + end.length;
  }

  private open(frame: Frame): void {
    // Python takes no more either; it is no Python, and not worth the time.
    if (this.frames.length >= DEEPEST) this.frames.length = 0;
    this.frames.push(frame);
  }

  private close(closer: string, at: number): void {
    const index = this.frames.findLastIndex((frame) => frame.closer === closer);
    if (index === -1) {
      this.unopened.push({ closer, at });
      return;
    }
    const { string } = this.frames[index]!;
    this.frames.length = index;
    this.string = string;
  }
}

/** `text` is read from its beginning: a file's, or where `isWhole` is false, any place's. */
export function scanPython(text: string, isWhole = true): PythonScan {
  const from = isWhole ? 0 : Math.max(0, text.search(TOP_LEVEL));
  return new Scanner(text.slice(from)).scan();
}

/** Closers in what follows a cursor whose openers must stand before it, up to the next statement at the margin. */
export function unopenedClosers(suffix: string): readonly string[] {
  const nextStatement = /\n(?:def |class |async def |@|import |from |if __name__)/.exec(suffix)?.index;
  return scanPython(suffix.slice(0, Math.min(nextStatement ?? suffix.length, 4000))).unopened.map(
    ({ closer }) => closer,
  );
}
