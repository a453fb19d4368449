import { LONGEST_LINE } from "../../lines";
import { DatasetError } from "../../problem";

/** Finds the values of a JSON file without holding the file: only brackets and quotes are looked at. */

export interface JsonElement {
  text: string;
  /** Of its first character, 1-based; columns count UTF-16 code units. */
  line: number;
  column: number;
}

/** What lies at the root, and which of it is wanted. */
export type Wanted =
  /** The elements of an array. */
  | { kind: "elements" }
  /** The elements of the array that an object has at `key`. */
  | { kind: "member"; key: string }
  /** Values one after the other, with blanks between. */
  | { kind: "values" }
  /** The keys of an object, and how their values begin. Ends with the object. */
  | { kind: "keys"; onMember(key: string, start: string): void };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const COMMA = 0x2c;
const COLON = 0x3a;
const LINE_FEED = 0x0a;
const isBlank = (byte: number) => byte === 0x20 || byte === LINE_FEED || byte === 0x0d || byte === 0x09;

type State =
  | "root"
  | "key-or-end"
  | "key"
  | "colon"
  | "member"
  | "after-member"
  | "element-or-end"
  | "element"
  | "after-element"
  | "value"
  | "end";

/** Why a value is scanned. */
type Purpose = "key" | "skip" | "keep" | "peek";

export class JsonSplitter {
  private state: State = "root";
  private depth = 0;
  private inString = false;
  private escaped = false;
  private scalar = false;
  private purpose: Purpose = "skip";
  private afterValue: State = "end";
  private key = "";
  private foundMember = false;
  /** Pieces of the value that began in an earlier chunk. */
  private pieces: Buffer[] = [];
  private pieceBytes = 0;
  /** Where the value begins in this chunk; -1: no value is kept. */
  private start = -1;
  private startLine = 0;
  private startColumn = 0;
  /** Position of `mark`, an offset in this chunk. */
  private line = 1;
  private column = 1;
  private mark = 0;
  private found: JsonElement[] = [];
  private chunk: Buffer = Buffer.alloc(0);

  constructor(
    private readonly path: string,
    private readonly wanted: Wanted,
    private readonly longest = LONGEST_LINE,
  ) {}

  /** Whether what is wanted has been read to its end. */
  get ended(): boolean {
    return this.state === "end";
  }

  /** How much of the last chunk has been read, and the line that this is in. */
  get position(): { offset: number; line: number } {
    return { offset: this.mark, line: this.line };
  }

  /** The values that end in this chunk. Throws a DatasetError with line and column where the structure is broken. */
  push(chunk: Buffer): JsonElement[] {
    this.chunk = chunk;
    this.found = [];
    this.mark = 0;
    if (this.start >= 0) this.start = 0;
    for (let at = 0; at < chunk.length; ) {
      if (this.state === "value") at = this.scanValue(at);
      else if (isBlank(chunk[at]!)) at++;
      else at = this.step(at, chunk[at]!);
      if (this.state === "end" && this.wanted.kind === "keys") {
        this.locate(at);
        return this.found;
      }
    }
    this.keepRest();
    return this.found;
  }

  end(): JsonElement[] {
    this.chunk = Buffer.alloc(0);
    this.found = [];
    this.mark = 0;
    if (this.state === "value" && this.scalar && this.depth === 0) {
      if (this.start >= 0) this.start = 0;
      this.endValue(0);
    }
    if (this.wanted.kind === "values" && this.state === "root") return this.found;
    if (this.state !== "end") throw this.fault(0, "the file ends here, before its JSON does, as if it were cut off");
    if (this.wanted.kind === "member" && !this.foundMember) {
      throw new DatasetError(`${this.path} has no array "${this.wanted.key}".`);
    }
    return this.found;
  }

  private step(at: number, byte: number): number {
    switch (this.state) {
      case "root":
        return this.enterRoot(at, byte);
      case "key-or-end":
        if (byte === CLOSE_BRACE) return this.go("end", at + 1);
        return this.enterKey(at, byte);
      case "key":
        return this.enterKey(at, byte);
      case "colon":
        if (byte !== COLON) throw this.fault(at, "a colon is expected after the key");
        return this.go("member", at + 1);
      case "member":
        return this.enterMember(at, byte);
      case "after-member":
        if (byte === CLOSE_BRACE) return this.go("end", at + 1);
        if (byte !== COMMA) throw this.fault(at, 'a comma or "}" is expected');
        return this.go("key", at + 1);
      case "element-or-end":
        if (byte === CLOSE_BRACKET) return this.leaveArray(at + 1);
        return this.enterValue(at, "keep", "after-element");
      case "element":
        return this.enterValue(at, "keep", "after-element");
      case "after-element":
        if (byte === CLOSE_BRACKET) return this.leaveArray(at + 1);
        if (byte !== COMMA) throw this.fault(at, 'a comma or "]" is expected between the array\'s elements');
        return this.go("element", at + 1);
      default:
        throw this.fault(at, "nothing may follow after the end of the JSON");
    }
  }

  private go(state: State, at: number): number {
    this.state = state;
    return at;
  }

  private enterRoot(at: number, byte: number): number {
    if (this.wanted.kind === "values") return this.enterValue(at, "keep", "root");
    if (this.wanted.kind === "elements") {
      if (byte !== OPEN_BRACKET) throw this.fault(at, "an array is expected");
      return this.go("element-or-end", at + 1);
    }
    if (byte !== OPEN_BRACE) throw this.fault(at, "an object is expected");
    return this.go("key-or-end", at + 1);
  }

  private enterKey(at: number, byte: number): number {
    if (byte !== QUOTE) throw this.fault(at, "a key in double quotes is expected");
    return this.enterValue(at, "key", "colon");
  }

  private enterMember(at: number, byte: number): number {
    const { wanted } = this;
    if (wanted.kind === "member" && wanted.key === this.key && byte === OPEN_BRACKET && !this.foundMember) {
      this.foundMember = true;
      return this.go("element-or-end", at + 1);
    }
    return this.enterValue(at, wanted.kind === "keys" ? "peek" : "skip", "after-member");
  }

  private leaveArray(at: number): number {
    return this.go(this.wanted.kind === "member" ? "after-member" : "end", at);
  }

  private enterValue(at: number, purpose: Purpose, afterValue: State): number {
    const byte = this.chunk[at]!;
    if (byte === COMMA || byte === CLOSE_BRACKET || byte === CLOSE_BRACE || byte === COLON) {
      throw this.fault(at, `a value is expected before this "${String.fromCharCode(byte)}"`);
    }
    this.state = "value";
    this.purpose = purpose;
    this.afterValue = afterValue;
    this.depth = 0;
    this.inString = false;
    this.escaped = false;
    this.scalar = byte !== QUOTE && byte !== OPEN_BRACE && byte !== OPEN_BRACKET;
    this.pieces = [];
    this.pieceBytes = 0;
    this.start = purpose === "skip" ? -1 : at;
    this.locate(at);
    this.startLine = this.line;
    this.startColumn = this.column;
    return this.scanValue(at);
  }

  /** From within a value on to its end or the chunk's. */
  private scanValue(from: number): number {
    const { chunk } = this;
    let at = from;
    while (at < chunk.length) {
      if (this.inString) {
        at = this.scanString(at);
        if (!this.inString && this.depth === 0) return this.endValue(at);
        continue;
      }
      const byte = chunk[at]!;
      if (this.scalar) {
        if (isBlank(byte) || byte === COMMA || byte === CLOSE_BRACKET || byte === CLOSE_BRACE) return this.endValue(at);
      } else if (byte === QUOTE) {
        this.inString = true;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        this.depth++;
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        this.depth--;
        if (this.depth === 0) return this.endValue(at + 1);
      }
      at++;
    }
    return at;
  }

  /** Past the string's closing quote, or the chunk's end. */
  private scanString(from: number): number {
    const { chunk } = this;
    let at = from;
    if (this.escaped && at < chunk.length) {
      this.escaped = false;
      at++;
    }
    for (; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (byte === QUOTE) {
        this.inString = false;
        return at + 1;
      }
      if (byte === BACKSLASH && ++at >= chunk.length) this.escaped = true;
    }
    return chunk.length;
  }

  private endValue(at: number): number {
    this.state = this.afterValue;
    const { purpose } = this;
    if (purpose === "skip") return at;
    const text = Buffer.concat([...this.pieces, this.chunk.subarray(this.start, at)]).toString("utf8");
    this.start = -1;
    this.pieces = [];
    if (purpose === "key") this.key = this.readKey(text);
    else if (purpose === "keep") this.found.push({ text, line: this.startLine, column: this.startColumn });
    else if (this.wanted.kind === "keys") this.wanted.onMember(this.key, text);
    return at;
  }

  private readKey(text: string): string {
    try {
      return JSON.parse(text) as string;
    } catch {
      throw new DatasetError(
        `${this.path}, line ${this.startLine}, column ${this.startColumn}: the key is not a valid JSON string.`,
      );
    }
  }

  private keepRest(): void {
    this.locate(this.chunk.length);
    if (this.start < 0 || this.state !== "value") return;
    const rest = this.chunk.subarray(this.start);
    this.start = 0;
    // How a value begins is all that is asked of it here: it may be as large as the file.
    if (this.purpose === "peek" && this.pieceBytes >= PEEKED_BYTES) return;
    this.pieceBytes += rest.length;
    if (this.purpose !== "peek" && this.pieceBytes > this.longest) {
      const limit = Math.floor(this.longest / (1024 * 1024));
      throw new DatasetError(
        `${this.path}, line ${this.startLine}, column ${this.startColumn}: the value that begins here is longer than ${limit} MiB, which no row may be.`,
      );
    }
    // A copy: the chunk that `rest` lies in must not be held for a few bytes of it.
    this.pieces.push(Buffer.from(this.purpose === "peek" ? rest.subarray(0, PEEKED_BYTES) : rest));
  }

  /** Each byte is looked at once, whatever the number of values. */
  private locate(at: number): void {
    const { chunk } = this;
    for (let from = this.mark; from < at; from++) {
      const byte = chunk[from]!;
      if (byte === LINE_FEED) {
        this.line++;
        this.column = 1;
      } else if ((byte & 0xc0) !== 0x80) {
        this.column += byte >= 0xf0 ? 2 : 1;
      }
    }
    this.mark = at;
  }

  private fault(at: number, message: string): DatasetError {
    this.locate(at);
    return new DatasetError(`${this.path}, line ${this.line}, column ${this.column}: ${message}.`);
  }
}

/** Enough to see how a value begins. */
const PEEKED_BYTES = 4096;
