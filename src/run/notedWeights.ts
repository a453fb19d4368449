/** The weights of a base model as a run found them, so that a byte that has changed anywhere is seen. */
import { realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import * as v from "valibot";
import type { ReadOptions } from "../dataset/readDataset";
import { hashWhole, weightFiles } from "./contentHash";

const STAGE = "Reading the base model";

export const notedWeightsSchema = v.array(
  v.object({ name: v.string(), bytes: v.number(), mtimeMs: v.number(), sha256: v.string() }),
);
export type NotedWeights = v.InferOutput<typeof notedWeightsSchema>;

/** Reads each file whole (about a second and a half a gigabyte), unless its name is its checksum. */
export async function noteWeights(model: string, options: ReadOptions): Promise<NotedWeights> {
  const files = await foundWeights(model);
  const known = new Map<string, string>();
  for (const { name } of files) {
    const sha256 = await namedByChecksum(join(model, name));
    if (sha256 !== undefined) known.set(name, sha256);
  }
  const unknown = files.filter(({ name }) => !known.has(name));
  const read = await hashAll(model, unknown, options);
  return files.map((file) => ({ ...file, sha256: known.get(file.name) ?? read.get(file.name)! }));
}

/**
 * Names of the files whose content is another one than when it was noted. Only what was written again since, by size and
 * time, is read.
 */
export async function changedWeights(model: string, noted: NotedWeights, options: ReadOptions): Promise<string[]> {
  const notes = new Map(noted.map((note) => [note.name, note]));
  const written = (await foundWeights(model)).filter(({ name, bytes, mtimeMs }) => {
    const note = notes.get(name);
    return note !== undefined && (note.bytes !== bytes || note.mtimeMs !== mtimeMs);
  });
  const read = await hashAll(model, written, options);
  return [...read].flatMap(([name, sha256]) => (notes.get(name)?.sha256 === sha256 ? [] : [name]));
}

interface FoundFile {
  name: string;
  bytes: number;
  mtimeMs: number;
}

async function foundWeights(model: string): Promise<FoundFile[]> {
  const names = await weightFiles(model);
  return Promise.all(
    names.map(async (name) => {
      const { size, mtimeMs } = await stat(join(model, name));
      return { name, bytes: size, mtimeMs };
    }),
  );
}

async function hashAll(
  model: string,
  files: readonly FoundFile[],
  { signal, progress }: ReadOptions,
): Promise<Map<string, string>> {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const hashes = new Map<string, string>();
  let read = 0;
  let shown = -1;
  const onRead = (bytes: number) => {
    read += bytes;
    const percent = Math.floor((read / total) * 100);
    if (percent <= shown) return;
    shown = percent;
    progress?.(STAGE, Math.min(1, percent / 100));
  };
  for (const { name } of files) hashes.set(name, await hashWhole(join(model, name), { signal, onRead }));
  return hashes;
}

/** What the Hub's cache has downloaded lies in blobs/, under the SHA-256 that it was compared with (src/hub). */
async function namedByChecksum(file: string): Promise<string | undefined> {
  const target = await realpath(file);
  return basename(dirname(target)) === "blobs" && /^[0-9a-f]{64}$/.test(basename(target))
    ? basename(target)
    : undefined;
}
