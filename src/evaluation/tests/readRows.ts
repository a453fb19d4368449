import { LineReader } from "../../dataset/lines";
import { DatasetError } from "../../dataset/problem";
import { parseLine } from "../../dataset/rows";

/**
 * The values of some of a file's rows, by their 1-based lines. Throws where the file is no longer the one that was
 * prepared: another row may stand in its place.
 */
export async function readRows(
  source: { path: string; sha256: string },
  rows: ReadonlySet<number>,
  signal?: AbortSignal,
): Promise<Map<number, unknown>> {
  const reader = new LineReader(source.path);
  const found = new Map<number, unknown>();
  for await (const lines of reader.batches(signal)) {
    for (const line of lines) {
      const parsed = rows.has(line.number) ? parseLine(line) : null;
      if (parsed?.problem === null) found.set(line.number, parsed.value);
    }
  }
  if (reader.sha256() !== source.sha256) {
    throw new DatasetError(`${source.path} has changed since the run was prepared: its tests were not run.`);
  }
  return found;
}
