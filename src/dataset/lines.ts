import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

export interface Line {
  /** 1-based. */
  number: number;
  /** Null: the bytes are not valid UTF-8, or the line is longer than the limit. */
  text: string | null;
  fault: "not-utf8" | "too-long" | null;
}

/** A line longer than this is not a row but a file that has no line breaks. */
export const LONGEST_LINE = 16 * 1024 * 1024;
const CHUNK = 1024 * 1024;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Reads a file's lines in order, holding one chunk and one line. Keeps count of the bytes and their SHA-256, so that
 * two passes over a file can prove that they read the same.
 */
export class LineReader {
  bytes = 0;
  private readonly hash = createHash("sha256");

  constructor(
    readonly path: string,
    private readonly longestLine = LONGEST_LINE,
  ) {}

  /** Only after the last line. */
  sha256(): string {
    return this.hash.copy().digest("hex");
  }

  /** Lines in batches, one per chunk read: a promise for each line would cost more than the reading. */
  async *batches(signal?: AbortSignal): AsyncGenerator<Line[]> {
    const splitter = new Splitter(this.longestLine);
    for await (const chunk of createReadStream(this.path, { highWaterMark: CHUNK, signal }) as AsyncIterable<Buffer>) {
      this.bytes += chunk.length;
      this.hash.update(chunk);
      const lines = splitter.push(chunk);
      if (lines.length > 0) yield lines;
    }
    const last = splitter.end();
    if (last !== null) yield [last];
  }
}

class Splitter {
  private number = 0;
  /** The line that is not complete yet. */
  private pending: Buffer[] = [];
  private pendingBytes = 0;

  constructor(private readonly longestLine: number) {}

  push(chunk: Buffer): Line[] {
    const lines: Line[] = [];
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start);
      if (end < 0) break;
      lines.push(this.complete(chunk.subarray(start, end)));
      start = end + 1;
    }
    this.keep(chunk.subarray(start));
    return lines;
  }

  end(): Line | null {
    return this.pendingBytes === 0 ? null : this.complete(Buffer.alloc(0));
  }

  private keep(rest: Buffer): void {
    if (rest.length === 0) return;
    this.pendingBytes += rest.length;
    if (this.pendingBytes > this.longestLine) this.pending = [];
    // A copy: the chunk that `rest` lies in must not be held for a few bytes of it.
    else this.pending.push(Buffer.from(rest));
  }

  private complete(rest: Buffer): Line {
    const number = ++this.number;
    const tooLong = this.pendingBytes + rest.length > this.longestLine;
    const bytes = this.pending.length === 0 ? rest : Buffer.concat([...this.pending, rest]);
    this.pending = [];
    this.pendingBytes = 0;
    return tooLong ? { number, text: null, fault: "too-long" } : decode(number, bytes);
  }
}

function decode(number: number, bytes: Buffer): Line {
  if (!isUtf8(bytes)) return { number, text: null, fault: "not-utf8" };
  const end = bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length;
  const text = bytes.toString("utf8", 0, end);
  // Editors do not show the byte order mark at a file's start; it belongs to no row.
  return { number, text: number === 1 && text.startsWith("\ufeff") ? text.slice(1) : text, fault: null };
}
