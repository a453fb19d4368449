/** Takes a file's byte order mark away and ends every line with LF. On bytes: whatever else is wrong stays as it is. */

import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { syncFolder } from "../../disk/atomicWrite";
import { requireFile } from "../readDataset";

const CHUNK = 1024 * 1024;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;

export interface Normalised {
  byteOrderMark: boolean;
  /** Line ends that were not LF. */
  lineEnds: number;
}

/** Replaces the file as a whole, or leaves it as it is: also where there is nothing to do. */
export async function normaliseFile(path: string, signal?: AbortSignal): Promise<Normalised> {
  await requireFile(path);
  const { mode } = await stat(path);
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const handle = await open(temporary, "wx", mode);
    let result: Normalised;
    try {
      result = await copyNormalised(path, handle, signal);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (!result.byteOrderMark && result.lineEnds === 0) {
      await rm(temporary);
      return result;
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return result;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function copyNormalised(path: string, target: FileHandle, signal: AbortSignal | undefined): Promise<Normalised> {
  const normaliser = new Normaliser();
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK, signal }) as AsyncIterable<Buffer>) {
    for (const piece of normaliser.push(chunk)) await target.writeFile(piece);
  }
  for (const piece of normaliser.end()) await target.writeFile(piece);
  return normaliser.result;
}

/** Chunks may end anywhere: within the mark, or between CR and LF. */
export class Normaliser {
  readonly result: Normalised = { byteOrderMark: false, lineEnds: 0 };
  /** What the file begins with, until it is long enough to hold a mark. */
  private head: Buffer | null = Buffer.alloc(0);
  private afterReturn = false;

  push(chunk: Buffer): Buffer[] {
    if (this.head === null) return this.convert(chunk);
    const head = Buffer.concat([this.head, chunk]);
    if (head.length < BYTE_ORDER_MARK.length) {
      this.head = head;
      return [];
    }
    this.head = null;
    if (!head.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK)) return this.convert(head);
    this.result.byteOrderMark = true;
    return this.convert(head.subarray(BYTE_ORDER_MARK.length));
  }

  end(): Buffer[] {
    return this.head === null ? [] : this.convert(this.head);
  }

  /** A CR becomes LF at once; the LF that may follow it is left out. */
  private convert(chunk: Buffer): Buffer[] {
    const pieces: Buffer[] = [];
    let start = this.afterReturn && chunk[0] === LINE_FEED ? 1 : 0;
    if (chunk.length > 0) this.afterReturn = false;
    for (let at = chunk.indexOf(CARRIAGE_RETURN, start); at >= 0; at = chunk.indexOf(CARRIAGE_RETURN, start)) {
      pieces.push(chunk.subarray(start, at), Buffer.of(LINE_FEED));
      this.result.lineEnds++;
      if (at + 1 === chunk.length) this.afterReturn = true;
      start = chunk[at + 1] === LINE_FEED ? at + 2 : at + 1;
    }
    pieces.push(chunk.subarray(start));
    return [Buffer.concat(pieces)];
  }
}
