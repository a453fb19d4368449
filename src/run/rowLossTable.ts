import { randomBytes } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { readManifest } from "./dataManifest";
import { rowLossesOf } from "./rowLosses";
import { withFile } from "./runError";

/**
 * Writes what each row cost in the pass as CSV (RFC 4180: source, row, loss in nats, tokens, targets, step), in the order
 * in which the rows were prepared; the whole file or nothing. Resolves with the number of rows.
 */
export async function writeRowLossTable(
  directory: string,
  pass: number,
  file: string,
  signal?: AbortSignal,
): Promise<number> {
  const { sources } = await readManifest(directory);
  const temporary = join(dirname(file), `.${basename(file)}.${randomBytes(6).toString("hex")}.tmp`);
  let written = 0;
  try {
    const handle = await open(temporary, "wx");
    try {
      await handle.writeFile("source,row,loss,tokens,targets,step\n");
      for await (const rows of rowLossesOf(directory, pass, signal)) {
        // A sample for completion is no row, and has no source.
        const known = rows.filter(({ source }) => source < sources.length);
        const lines = known.map(({ source, row, loss, tokens, targets, step }) =>
          [quote(sources[source]!.path), row, loss.toFixed(6), tokens, targets, step].join(","),
        );
        written += lines.length;
        if (lines.length > 0) await handle.writeFile(`${lines.join("\n")}\n`);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    return written;
  } catch (error) {
    await rm(temporary, { force: true });
    signal?.throwIfAborted();
    throw withFile(error, file);
  }
}

function quote(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
