/** Reads lines again by their numbers: what shows only at a file's end is said of rows that have long gone by. */

import { type FileHandle, open } from "node:fs/promises";
import { type Line, LineSplitter, LONGEST_LINE } from "../lines";

/** A batch with more bytes holds a line that is too long; its other lines are not worth reading that one. */
const LONGEST_BATCH = LONGEST_LINE + 1024 * 1024;

interface Mark {
  /** The first line that begins at `byte` or behind. */
  line: number;
  byte: number;
}

export class LinePlaces {
  private readonly marks: Mark[] = [];

  /** To be called for every batch of lines: a mark for each batch is enough. */
  add(line: number, byte: number): void {
    this.marks.push({ line, byte });
  }

  /** `numbers`: sorted. Each batch that holds one of the lines is read once. A line may be missing from the answer. */
  async *read(path: string, numbers: readonly number[], signal?: AbortSignal): AsyncGenerator<Line> {
    if (numbers.length === 0) return;
    const file = await open(path);
    try {
      let next = 0;
      for (let index = 0; index < this.marks.length && next < numbers.length; index++) {
        const { line, byte } = this.marks[index]!;
        const behind = this.marks[index + 1];
        if (behind !== undefined && behind.line <= numbers[next]!) continue;
        signal?.throwIfAborted();
        const length = (behind?.byte ?? (await file.stat()).size) - byte;
        const lines = length > LONGEST_BATCH ? [] : await linesAt(file, byte, length);
        for (; next < numbers.length && numbers[next]! < (behind?.line ?? Infinity); next++) {
          const found = lines[numbers[next]! - line];
          if (found !== undefined) yield { ...found, number: numbers[next]! };
        }
      }
    } finally {
      await file.close();
    }
  }
}

async function linesAt(file: FileHandle, byte: number, length: number): Promise<Line[]> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, byte);
  const splitter = new LineSplitter();
  const lines = splitter.push(buffer.subarray(0, bytesRead));
  const last = splitter.end();
  return last === null ? lines : [...lines, last];
}
