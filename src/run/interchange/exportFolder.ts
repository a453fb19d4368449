import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, posix, resolve, sep } from "node:path";
import * as v from "valibot";
import { syncFolder } from "../../disk/atomicWrite";
import { hasCode, RunError, withFile } from "../runError";
import { RunMonitor } from "../runMonitor";
import { type CardData, modelCard } from "./modelCard";

export interface ExportOptions {
  /** The packed rows too: what the run directory holds of the data. */
  withData?: boolean;
  signal?: AbortSignal;
  onProgress?(fraction: number): void;
}

export interface ExportedRun {
  directory: string;
  files: { path: string; bytes: number }[];
  /** What is neither a file nor a folder, such as a link: it is not followed. */
  leftOut: string[];
}

/** Of a run directory, what says what the run was and what came of it; the rest belongs to the engine at work. */
const ENTRIES = [
  "run.json",
  "contract.json",
  "notes.json",
  "events.jsonl",
  "trainer_state.json",
  "data/manifest.json",
  "adapter",
  "tensorboard",
  "evaluation/report.json",
  "evaluation/answers.jsonl",
  "evaluation/report.md",
];
const DATA_ENTRIES = ["train.tokens", "train.documents", "eval.tokens", "eval.documents"].map((name) => `data/${name}`);
/** Folders that a run makes are flat; deeper than this is not of a run. */
const MAX_DEPTH = 4;
const CHUNK_BYTES = 1 << 20;
const MAX_MANIFEST_BYTES = 64 << 20;

/**
 * Writes a run as the folder `output`, with a README.md: whole or not at all. A run that is going on is written as it is
 * now. Throws one sentence where `directory` is no run, `output` exists, or something cannot be read or written.
 */
export async function exportRunFolder(
  directory: string,
  output: string,
  options: ExportOptions = {},
): Promise<ExportedRun> {
  const run = resolve(directory);
  const target = resolve(output);
  if (target === run || target.startsWith(run + sep)) {
    throw new RunError(`${target} lies inside the run; choose a folder outside it.`);
  }
  const monitor = await RunMonitor.open(run);
  await refuseTaken(target);
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    await mkdir(dirname(target), { recursive: true });
    await mkdir(temporary);
    const { files, leftOut } = await listFiles(run, [...ENTRIES, ...(options.withData ? DATA_ENTRIES : [])]);
    const copied = await copyFiles(run, temporary, files, options);
    const { spec, history, notes } = monitor;
    const content = { spec, head: monitor.head(), history, notes, files: copied };
    const card = modelCard({ ...content, data: await readCardData(join(temporary, "data", "manifest.json")) });
    await writeFile(join(temporary, "README.md"), card, { flush: true });
    copied.push({ path: "README.md", bytes: Buffer.byteLength(card) });
    options.signal?.throwIfAborted();
    await rename(temporary, target);
    await syncFolder(dirname(target));
    return { directory: target, files: copied, leftOut };
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    // Made by someone else since it was looked for.
    if (hasCode(error, "ENOTEMPTY", "EEXIST")) throw taken(target);
    throw options.signal?.aborted ? error : withFile(error, fileOf(error) ?? target);
  } finally {
    await monitor.close();
  }
}

async function refuseTaken(target: string): Promise<void> {
  try {
    await lstat(target);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return;
    throw withFile(error, target);
  }
  throw taken(target);
}

const taken = (target: string) => new RunError(`${target} exists already; choose another folder.`);

function fileOf(error: unknown): string | undefined {
  const path = error instanceof Error ? (error as NodeJS.ErrnoException).path : undefined;
  return typeof path === "string" ? path : undefined;
}

interface FoundFile {
  path: string;
  bytes: number;
}

/** The regular files below `entries`, relative to the run; what is absent is passed over. */
async function listFiles(run: string, entries: readonly string[]): Promise<{ files: FoundFile[]; leftOut: string[] }> {
  const files: FoundFile[] = [];
  const leftOut: string[] = [];
  const walk = async (path: string, depth: number): Promise<void> => {
    const status = await lstat(join(run, path)).catch((error) => {
      if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
      throw error;
    });
    if (status === undefined) return;
    if (status.isFile()) files.push({ path, bytes: status.size });
    else if (!status.isDirectory() || depth === MAX_DEPTH) leftOut.push(path);
    else for (const name of (await readdir(join(run, path))).sort()) await walk(posix.join(path, name), depth + 1);
  };
  for (const entry of entries) {
    const folder = posix.dirname(entry);
    if (leftOut.includes(folder)) continue;
    if (folder !== "." && (await isLink(join(run, folder)))) leftOut.push(folder);
    else await walk(entry, 0);
  }
  return { files, leftOut };
}

async function isLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (status) => status.isSymbolicLink(),
    () => false,
  );
}

async function copyFiles(
  run: string,
  target: string,
  files: readonly FoundFile[],
  { signal, onProgress }: ExportOptions,
): Promise<FoundFile[]> {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const copied: FoundFile[] = [];
  let done = 0;
  for (const { path } of files) {
    signal?.throwIfAborted();
    await mkdir(dirname(join(target, path)), { recursive: true });
    const bytes = await copyFile(join(run, path), join(target, path), signal);
    copied.push({ path, bytes });
    done += bytes;
    onProgress?.(total === 0 ? 1 : Math.min(1, done / total));
  }
  return copied;
}

/**
 * Copies what the file holds now: one that grows does so by whole lines or records. Gives its bytes. A link that has
 * taken the file's place since is not followed.
 */
async function copyFile(from: string, to: string, signal: AbortSignal | undefined): Promise<number> {
  const source = await open(from, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  try {
    const copy = await open(to, "wx");
    try {
      const bytes = await copyBytes(source, copy, (await source.stat()).size, signal);
      await copy.sync();
      return bytes;
    } finally {
      await copy.close();
    }
  } finally {
    await source.close();
  }
}

/** At most `size` bytes: fewer where the file has been cut off since. */
async function copyBytes(
  source: FileHandle,
  copy: FileHandle,
  size: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size));
  let done = 0;
  while (done < size) {
    signal?.throwIfAborted();
    const { bytesRead } = await source.read(chunk, 0, Math.min(chunk.length, size - done));
    if (bytesRead === 0) break;
    await copy.writeFile(chunk.subarray(0, bytesRead));
    done += bytesRead;
  }
  return done;
}

const split = v.object({
  rows: v.number(),
  documents: v.number(),
  sequences: v.number(),
  tokens: v.number(),
  targets: v.number(),
});
const cardData = v.object({
  template: v.string(),
  sources: v.array(v.object({ path: v.string(), format: v.string(), rows: v.number(), used: v.number() })),
  train: split,
  eval: split,
});

/** Undefined where there is no manifest, or none that can be told of. */
async function readCardData(file: string): Promise<CardData | undefined> {
  try {
    if ((await lstat(file)).size > MAX_MANIFEST_BYTES) return undefined;
    const parsed = v.safeParse(cardData, JSON.parse(await readFile(file, "utf8")));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}
