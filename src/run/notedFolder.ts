/** The Python files of a folder that samples for completion were cut from, as a run found them. */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { MOST_FILES, pythonFiles } from "../dataset/fromPython/walk";
import type { ReadOptions } from "../dataset/readDataset";
import { hashWhole } from "./contentHash";

export const notedFolderSchema = v.object({
  path: v.string(),
  files: v.number(),
  /** SHA-256 of the files' paths, sizes and times. */
  written: v.string(),
  /** SHA-256 of the files' paths and contents. */
  contents: v.string(),
});
export type NotedFolder = v.InferOutput<typeof notedFolderSchema>;

export async function noteFolder(path: string, options: ReadOptions): Promise<NotedFolder> {
  const { files, digest } = await digestOf(path, timesOf, options);
  const { digest: contents } = await digestOf(path, contentOf, options);
  return { path, files, written: digest, contents };
}

/** A sentence where the folder's files are not those that were noted. They are read only where one was written again. */
export async function folderChange(noted: NotedFolder, options: ReadOptions): Promise<string | undefined> {
  const { path } = noted;
  try {
    const { files, digest } = await digestOf(path, timesOf, options);
    if (digest === noted.written) return undefined;
    if (files !== noted.files) return `${path} has ${count(files)}, ${figure(noted.files)} when the run was prepared.`;
    if ((await digestOf(path, contentOf, options)).digest === noted.contents) return undefined;
    return `The Python files in ${path} have other content than when the run was prepared.`;
  } catch {
    options.signal?.throwIfAborted();
    return `The folder ${path} is not there, or cannot be read.`;
  }
}

async function digestOf(
  folder: string,
  describe: (file: string, signal: AbortSignal | undefined) => Promise<string>,
  { signal, progress }: ReadOptions,
): Promise<{ files: number; digest: string }> {
  progress?.("Reading Python files", null);
  const hash = createHash("sha256");
  let files = 0;
  for await (const path of pythonFiles(folder, { skipTests: false, signal })) {
    if (++files > MOST_FILES) break;
    // What goes away, or may not be read, is left out by preparation too.
    const about = await describe(join(folder, path), signal).catch(() => "");
    signal?.throwIfAborted();
    hash.update(`${path}\0${about}\0`);
  }
  return { files, digest: hash.digest("hex") };
}

async function timesOf(file: string): Promise<string> {
  const { size, mtimeMs } = await stat(file);
  return `${size} ${mtimeMs}`;
}

const contentOf = (file: string, signal: AbortSignal | undefined) => hashWhole(file, { signal });

const figure = (files: number) => files.toLocaleString("en-US");
const count = (files: number) => `${figure(files)} ${files === 1 ? "Python file" : "Python files"}`;
