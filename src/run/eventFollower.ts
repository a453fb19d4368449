import type { FileHandle } from "node:fs/promises";
import type { EngineEvent } from "../protocol/engine";
import { parseEngineEvent } from "./engineEvent";
import { openPlainFile } from "./plainFile";
import { hasCode } from "./runError";

const CHUNK_BYTES = 1 << 18;
/** No event is nearly as long: a longer line is skipped without being kept in memory. */
const MAX_LINE_BYTES = 1 << 20;
const NEWLINE = 0x0a;

export interface EventBatch {
  /** True where the file is not the one read before: everything known from it is void, `events` starts it anew. */
  restarted: boolean;
  events: EngineEvent[];
  /** Lines of this batch that are no events. */
  skippedLines: number;
}

/**
 * Reads events.jsonl from where the last read ended. Only whole lines count: a last line without its newline may still
 * be written, or be cut off by the engine's next attempt, so it is read again next time.
 */
export class EventFollower {
  readonly #file: string;
  #inode: bigint | undefined;
  /** Just behind the last newline read. */
  #offset = 0;
  /** In the middle of a line that is too long to be an event. */
  #skippingLine = false;

  constructor(file: string) {
    this.#file = file;
  }

  async read(): Promise<EventBatch> {
    const batch: EventBatch = { restarted: false, events: [], skippedLines: 0 };
    let handle: FileHandle;
    try {
      handle = await openPlainFile(this.#file);
    } catch (error) {
      if (!hasCode(error, "ENOENT", "ENOTDIR")) throw error;
      batch.restarted = this.#inode !== undefined;
      this.#startOver(undefined);
      return batch;
    }
    try {
      const { ino, size } = await handle.stat({ bigint: true });
      if (ino !== this.#inode || size < BigInt(this.#offset)) {
        batch.restarted = this.#inode !== undefined;
        this.#startOver(ino);
      }
      await this.#readLines(handle, batch);
      return batch;
    } finally {
      await handle.close();
    }
  }

  #startOver(inode: bigint | undefined): void {
    this.#inode = inode;
    this.#offset = 0;
    this.#skippingLine = false;
  }

  async #readLines(handle: FileHandle, batch: EventBatch): Promise<void> {
    let pending = Buffer.alloc(0);
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, this.#offset + pending.length);
      if (bytesRead === 0) return;
      pending = this.#takeLines(Buffer.concat([pending, chunk.subarray(0, bytesRead)]), batch);
      if (pending.length > MAX_LINE_BYTES) {
        this.#offset += pending.length;
        this.#skippingLine = true;
        pending = Buffer.alloc(0);
      }
    }
  }

  /** Consumes the whole lines of `bytes` and returns the rest. */
  #takeLines(bytes: Buffer, batch: EventBatch): Buffer<ArrayBuffer> {
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      this.#takeLine(bytes.toString("utf8", start, end), batch);
      start = end + 1;
    }
    this.#offset += start;
    return Buffer.from(bytes.subarray(start));
  }

  #takeLine(line: string, batch: EventBatch): void {
    const event = this.#skippingLine ? undefined : parseEngineEvent(line);
    this.#skippingLine = false;
    if (event !== undefined) batch.events.push(event);
    else if (line.trim() !== "") batch.skippedLines++;
  }
}
