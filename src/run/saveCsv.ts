import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { curvesAsCsv } from "./curveCsv";
import { withFile } from "./runError";
import type { RunHistory } from "./runHistory";

/** Writes all series by step to a file and resolves with the number of rows. Throws one sentence that names the file. */
export async function saveCsv(history: Pick<RunHistory, "series">, file: string): Promise<number> {
  let written = 0;
  async function* texts() {
    for (const { text, rows } of curvesAsCsv(history)) {
      written += rows;
      yield text;
      await nextTurn();
    }
  }
  try {
    await pipeline(Readable.from(texts()), createWriteStream(file));
  } catch (error) {
    throw withFile(error, file);
  }
  return written;
}
