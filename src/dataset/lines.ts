import { isAscii, isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";

export interface Line {
  /** 1-based. */
  number: number;
  /** Bytes that are not UTF-8 are decoded as U+FFFD. Null: the line is longer than the limit. */
  text: string | null;
  /** "" on a last line that nothing ends. */
  end: LineEnd;
  /** 1 where a byte order mark, which is no part of the text, stands before it; else 0. */
  indent: number;
  /** Offset in the text of the first character that stands for bytes which are not UTF-8; null: there is none. */
  invalidAt: number | null;
}

export type LineEnd = "\n" | "\r\n" | "\r" | "";

/** A line longer than this is not a row but a file that has no line breaks. */
export const LONGEST_LINE = 16 * 1024 * 1024;
/** Bytes that are read at once. */
const CHUNK = 1024 * 1024;
/** Bytes that are worked on at once: few enough that most pieces of most files are ASCII, which is far faster. */
const PIECE = 64 * 1024;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const REPLACEMENT = "\ufffd";
const REPLACEMENT_BYTES = Buffer.from(REPLACEMENT);

export interface LineReaderOptions {
  /** In bytes. */
  longestLine?: number;
  /** Without it `sha256` may not be called: it takes as long as all the rest. */
  hash?: boolean;
}

/**
 * Reads a file's lines in order, holding one chunk and one line. Lines end as in VS Code: with LF, CRLF, or CR alone.
 * Keeps count of the bytes and their SHA-256, so that two passes over a file can prove that they read the same.
 */
export class LineReader {
  bytes = 0;
  /** The byte at which the first line of the last batch begins. */
  batchStart = 0;
  private readonly hash;
  private readonly longestLine: number;

  constructor(
    readonly path: string,
    { longestLine = LONGEST_LINE, hash = true }: LineReaderOptions = {},
  ) {
    this.longestLine = longestLine;
    this.hash = hash ? createHash("sha256") : null;
  }

  /** Only after the last line. */
  sha256(): string {
    if (this.hash === null) throw new Error("The bytes were not hashed.");
    return this.hash.copy().digest("hex");
  }

  /** Lines in batches, one per chunk read: a promise for each line would cost more than the reading. */
  async *batches(signal?: AbortSignal): AsyncGenerator<Line[]> {
    const splitter = new LineSplitter(this.longestLine);
    for await (const chunk of chunksOf(this.path)) {
      signal?.throwIfAborted();
      this.hash?.update(chunk);
      this.batchStart = this.bytes - splitter.held;
      this.bytes += chunk.length;
      const lines = splitter.push(chunk);
      if (lines.length > 0) yield lines;
    }
    this.batchStart = this.bytes - splitter.held;
    const last = splitter.end();
    if (last !== null) yield [last];
  }
}

/** A chunk is overwritten by the one after the next. The next is read while one is worked on. */
async function* chunksOf(path: string): AsyncGenerator<Buffer> {
  const file = await open(path);
  try {
    let [current, other] = [Buffer.allocUnsafe(CHUNK), Buffer.allocUnsafe(CHUNK)];
    let reading = readInto(file, current);
    for (;;) {
      const length = await reading;
      if (length === 0) return;
      reading = readInto(file, other);
      for (let at = 0; at < length; at += PIECE) yield current.subarray(at, Math.min(at + PIECE, length));
      [current, other] = [other, current];
    }
  } finally {
    await file.close();
  }
}

function readInto(file: FileHandle, buffer: Buffer): Promise<number> {
  const reading = file.read(buffer, 0, buffer.length, null).then(({ bytesRead }) => bytesRead);
  // Awaited only when the chunk before has been worked on; without this a failure until then would count as unhandled.
  reading.catch(() => {});
  return reading;
}

/** Cuts chunks of bytes into lines. */
export class LineSplitter {
  private number = 0;
  /** The line that is not complete yet. */
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  /** The last chunk ended with CR: what follows decides whether it is half of a line end or a whole one. */
  private heldReturn = false;

  constructor(private readonly longestLine = LONGEST_LINE) {}

  /** Bytes that belong to a line which has not been given out. */
  get held(): number {
    return this.pendingBytes + Number(this.heldReturn);
  }

  push(chunk: Buffer): Line[] {
    if (chunk.length === 0) return [];
    const lines: Line[] = [];
    const ascii = isAscii(chunk);
    let start = 0;
    if (this.heldReturn) {
      this.heldReturn = false;
      start = chunk[0] === LINE_FEED ? 1 : 0;
      lines.push(this.complete(chunk.subarray(0, 0), start === 1 ? "\r\n" : "\r"));
    }
    let feed = chunk.indexOf(LINE_FEED, start);
    let carriage = chunk.indexOf(CARRIAGE_RETURN, start);
    while (feed >= 0 || carriage >= 0) {
      if (carriage < 0 || (feed >= 0 && feed < carriage)) {
        lines.push(this.line(chunk, start, feed, "\n", ascii));
        start = feed + 1;
        feed = chunk.indexOf(LINE_FEED, start);
        continue;
      }
      if (carriage === chunk.length - 1) break;
      const both = feed === carriage + 1;
      lines.push(this.line(chunk, start, carriage, both ? "\r\n" : "\r", ascii));
      start = carriage + (both ? 2 : 1);
      carriage = chunk.indexOf(CARRIAGE_RETURN, start);
      if (both) feed = chunk.indexOf(LINE_FEED, start);
    }
    this.heldReturn = start < chunk.length && chunk[chunk.length - 1] === CARRIAGE_RETURN;
    this.keep(chunk.subarray(start, chunk.length - Number(this.heldReturn)));
    return lines;
  }

  end(): Line | null {
    if (this.held === 0) return null;
    const end = this.heldReturn ? "\r" : "";
    this.heldReturn = false;
    return this.complete(Buffer.alloc(0), end);
  }

  /** `ascii`: so is the whole chunk. */
  private line(chunk: Buffer, start: number, stop: number, end: LineEnd, ascii: boolean): Line {
    if (this.pendingBytes > 0 || this.number === 0) return this.complete(chunk.subarray(start, stop), end);
    if (stop - start > this.longestLine) return tooLong(++this.number, end);
    if (!ascii) return decode(++this.number, chunk.subarray(start, stop), end);
    return { number: ++this.number, text: chunk.toString("latin1", start, stop), end, indent: 0, invalidAt: null };
  }

  private keep(rest: Buffer): void {
    if (rest.length === 0) return;
    this.pendingBytes += rest.length;
    if (this.pendingBytes > this.longestLine) this.pending = [];
    // A copy: the chunk that `rest` lies in is used again.
    else this.pending.push(Buffer.from(rest));
  }

  private complete(rest: Buffer, end: LineEnd): Line {
    const number = ++this.number;
    const length = this.pendingBytes + rest.length;
    const bytes = this.pending.length === 0 ? rest : Buffer.concat([...this.pending, rest]);
    this.pending = [];
    this.pendingBytes = 0;
    return length > this.longestLine ? tooLong(number, end) : decode(number, bytes, end);
  }
}

function tooLong(number: number, end: LineEnd): Line {
  return { number, text: null, end, indent: 0, invalidAt: null };
}

function decode(number: number, bytes: Buffer, end: LineEnd): Line {
  const decoded = bytes.toString(isAscii(bytes) ? "latin1" : "utf8");
  // Editors do not show the byte order mark at a file's start; it belongs to no row.
  const indent = number === 1 && decoded.startsWith("\ufeff") ? 1 : 0;
  const text = indent === 1 ? decoded.slice(1) : decoded;
  const valid = !text.includes(REPLACEMENT) || isUtf8(bytes);
  return { number, text, end, indent, invalidAt: valid ? null : firstReplacement(decoded, bytes) - indent };
}

/** The first U+FFFD of the text that the bytes do not hold: where they stop being UTF-8. */
function firstReplacement(text: string, bytes: Buffer): number {
  let byte = 0;
  let from = 0;
  for (;;) {
    const at = text.indexOf(REPLACEMENT, from);
    if (at < 0) return from;
    byte += Buffer.byteLength(text.slice(from, at));
    if (!REPLACEMENT_BYTES.equals(bytes.subarray(byte, byte + 3))) return at;
    byte += 3;
    from = at + 1;
  }
}
