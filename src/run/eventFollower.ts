import type { FileHandle } from "node:fs/promises";
import type { EngineEvent } from "../protocol/engine";
import { parseEngineEvent } from "./engineEvent";
import { measurementAt } from "./measurementLine";
import { openPlainFile } from "./plainFile";
import { hasCode } from "./runError";

/** Read and parsed in one go: some hundred events, so that the extension host is never held up. */
const CHUNK_BYTES = 1 << 16;
/** Read in one go where most lines are only looked at: about a thousand of them. */
const BRIEF_CHUNK_BYTES = 1 << 18;
/** A run that is followed tells some hundred bytes at a time. */
const LEAST_CHUNK_BYTES = 1 << 12;
/** So much of the end is read whole even then: some hundred steps, from which speed and state are told. */
const BRIEF_TAIL_BYTES = 1 << 16;
/** No event is nearly as long: a longer line is skipped without being kept in memory. */
const MAX_LINE_BYTES = 1 << 20;
/**
 * Of a file longer than both together, so much is read of its beginning and of its end: 100,000 steps are about 25 MB,
 * and what is longer than this may have been made to fill the memory.
 */
const HEAD_BYTES = 1 << 26;
const TAIL_BYTES = 1 << 26;
const NEWLINE = 0x0a;

export interface EventBatch {
  /** True where the file is not the one read before: everything known from it is void, the next batches start it anew. */
  restarted: boolean;
  events: EngineEvent[];
  /** Lines of this batch that are no events. */
  skippedLines: number;
  /** Bytes in the middle of a file that is too long, which were not read. */
  leftOutBytes: number;
}

/**
 * "brief": without what was measured at each step, but for the last steps and those before any other event. All else that
 * the events say is there, an order of magnitude sooner.
 */
export type Detail = "whole" | "brief";

const newBatch = (restarted: boolean): EventBatch => ({ restarted, events: [], skippedLines: 0, leftOutBytes: 0 });

/**
 * Reads events.jsonl from where the last read ended. Only whole lines count: a last line without its newline may still
 * be written, or be cut off by the engine's next attempt, so it is read again next time.
 */
export class EventFollower {
  readonly #file: string;
  readonly #chunkBytes: number;
  readonly #brief: boolean;
  #inode: bigint | undefined;
  /** Just behind the last newline read. */
  #offset = 0;
  /** In the middle of a line that is too long to be an event. */
  #skippingLine = false;
  /** The attempt whose steps are passed over. */
  #attempt = 0;
  /** From here on nothing is passed over. */
  #tailFrom = 0;
  /** The last step that was passed over: what comes next may have to do with it. */
  #passedStep: string | undefined;

  constructor(file: string, detail: Detail = "whole") {
    this.#file = file;
    this.#brief = detail === "brief";
    this.#chunkBytes = this.#brief ? BRIEF_CHUNK_BYTES : CHUNK_BYTES;
  }

  /** Hands over what is new in batches, in order. Throws where the file is there and cannot be read. */
  async read(take: (batch: EventBatch) => void): Promise<void> {
    let handle: FileHandle;
    try {
      handle = await openPlainFile(this.#file);
    } catch (error) {
      if (!hasCode(error, "ENOENT", "ENOTDIR")) throw error;
      if (this.#inode !== undefined) take(newBatch(true));
      this.#startOver(undefined);
      return;
    }
    try {
      const { ino, size } = await handle.stat({ bigint: true });
      if (ino !== this.#inode || size < BigInt(this.#offset)) {
        if (this.#inode !== undefined) take(newBatch(true));
        this.#startOver(ino);
      }
      this.#tailFrom = Number(size) - BRIEF_TAIL_BYTES;
      await this.#readLines(handle, Number(size), take);
    } finally {
      await handle.close();
    }
  }

  #startOver(inode: bigint | undefined): void {
    this.#inode = inode;
    this.#offset = 0;
    this.#skippingLine = false;
    this.#attempt = 0;
    this.#passedStep = undefined;
  }

  async #readLines(handle: FileHandle, size: number, take: (batch: EventBatch) => void): Promise<void> {
    if (size === this.#offset) return;
    const chunkBytes = Math.min(this.#chunkBytes, Math.max(size - this.#offset, LEAST_CHUNK_BYTES));
    // One buffer for all of it: of many runs that are read, new ones for each piece would keep the collector busy.
    let buffer = Buffer.allocUnsafe(chunkBytes * 2);
    /** Of the line at its beginning that is not whole yet. */
    let pending = 0;
    for (;;) {
      if (buffer.length - pending < chunkBytes) buffer = Buffer.concat([buffer], pending + chunkBytes * 2);
      const { bytesRead } = await handle.read(buffer, pending, chunkBytes, this.#offset + pending);
      if (bytesRead === 0) return;
      const batch = newBatch(false);
      const bytes = buffer.subarray(0, pending + bytesRead);
      const taken = this.#takeLines(bytes, batch);
      pending = bytes.length - taken;
      bytes.copyWithin(0, taken);
      const behind = size - TAIL_BYTES - this.#offset - pending;
      if (this.#offset + pending >= HEAD_BYTES && behind > 0) {
        this.#offset = size - TAIL_BYTES;
        // Very likely in the middle of a line.
        this.#skippingLine = true;
        pending = 0;
        batch.leftOutBytes = behind;
      }
      take(batch);
      if (pending > MAX_LINE_BYTES) {
        this.#offset += pending;
        this.#skippingLine = true;
        pending = 0;
      }
    }
  }

  /** Consumes the whole lines of `bytes` and returns how much that is. */
  #takeLines(bytes: Buffer, batch: EventBatch): number {
    let start = 0;
    let passedStep: [number, number] | undefined;
    const textOf = ([from, to]: [number, number]) => bytes.toString("utf8", from, to);
    for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
      const passed = this.#isPassedOver(start) ? measurementAt(bytes, start, this.#attempt) : undefined;
      if (passed === "step") passedStep = [start, end];
      if (passed === undefined) {
        if (passedStep !== undefined) this.#passedStep = textOf(passedStep);
        passedStep = undefined;
        this.#takePassedStep(batch);
        this.#takeLine(textOf([start, end]), batch);
      }
      start = end + 1;
    }
    if (passedStep !== undefined) this.#passedStep = textOf(passedStep);
    this.#offset += start;
    return start;
  }

  /** `start`: of a line in the bytes from the offset on. */
  #isPassedOver(start: number): boolean {
    return this.#brief && !this.#skippingLine && this.#offset + start < this.#tailFrom;
  }

  #takePassedStep(batch: EventBatch): void {
    if (this.#passedStep !== undefined) this.#takeLine(this.#passedStep, batch);
    this.#passedStep = undefined;
  }

  #takeLine(line: string, batch: EventBatch): void {
    const event = this.#skippingLine ? undefined : parseEngineEvent(line);
    this.#skippingLine = false;
    if (event !== undefined) {
      batch.events.push(event);
      this.#attempt = Math.max(this.#attempt, event.attempt);
    } else if (line.trim() !== "") batch.skippedLines++;
  }
}
