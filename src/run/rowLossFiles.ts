import { stat } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { writeAtomically } from "../disk/atomicWrite";
import { describeError } from "../disk/describeError";
import type { RowLossFile, RowLossFiles, SourceState } from "../protocol/rowsView";
import { readBoundedJson } from "./boundedFile";
import { readManifest } from "./dataManifest";
import { withFolderLock } from "./folderLock";
import { openPlainFile } from "./plainFile";
import { readSources } from "./rowLosses";
import { fillTables, ROW_LOSS_HEADER, RowLossTable } from "./rowLossTable";
import { readRunSpec, runPaths } from "./runDirectory";
import { hasCode } from "./runError";

const MAX_BYTES = 1 << 20;
/** A run.json names as many data sets. */
const MOST_FILES = 64;

const ENDING = ".row-losses.csv";

const schema = v.object({
  pass: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  /** Of row-losses/pass-N.losses as it was read: a resumed run makes a pass anew. */
  readMs: v.number(),
  files: v.pipe(
    v.array(
      v.object({
        dataset: v.string(),
        file: v.pipe(v.string(), v.endsWith(ENDING)),
        problem: v.nullable(v.string()),
        bytes: v.number(),
        writtenMs: v.number(),
      }),
    ),
    v.maxLength(MOST_FILES),
  ),
});

/**
 * Writes what each row cost in the pass (1-based) beside the run's data sets, for each a CSV named after it, and notes in
 * `row-losses.json` what came of it. Done once, whoever asks: another window that asks meanwhile waits. A data set that has
 * changed gets none, nor is a file replaced that is no table of row losses; `problem` says so. Throws one sentence where
 * the losses cannot be read or the disk is full.
 */
export async function writeRowLossFiles(directory: string, pass: number, signal?: AbortSignal): Promise<RowLossFiles> {
  return withFolderLock(join(directory, "row-losses.lock"), async () => {
    const known = await readRowLossFiles(directory);
    const readMs = await madeMs(directory, pass);
    if (known !== null && known.pass === pass && known.readMs === readMs) return known;
    const files = await writeBeside(directory, pass, signal);
    const written: RowLossFiles = { pass, readMs, files };
    await writeAtomically(runPaths(directory).rowLossFiles, `${JSON.stringify(written, null, 2)}\n`);
    return written;
  });
}

/** What the run has written beside its data sets; null: nothing yet, or nothing that can be told of. */
export async function readRowLossFiles(directory: string): Promise<RowLossFiles | null> {
  const value = await readBoundedJson(runPaths(directory).rowLossFiles, MAX_BYTES).catch(() => undefined);
  const parsed = v.safeParse(schema, value);
  return parsed.success ? parsed.output : null;
}

/** Whether there is nothing left to do for the pass. */
export async function areRowLossFilesWritten(directory: string, pass: number): Promise<boolean> {
  const known = await readRowLossFiles(directory);
  return known !== null && known.pass === pass && known.readMs === (await madeMs(directory, pass));
}

/** Those that are still as the run has written them: another run's, or a person's, are not. */
export async function presentRowLossFiles({ files }: RowLossFiles): Promise<RowLossFile[]> {
  const present: RowLossFile[] = [];
  for (const entry of files) {
    if (entry.problem !== null) continue;
    const status = await stat(entry.file).catch(() => null);
    if (status?.size === entry.bytes && status.mtimeMs === entry.writtenMs) present.push(entry);
  }
  return present;
}

/** `time`: of the newest pass. */
export interface PassOfRun {
  time: number;
  datasets: readonly string[];
}

/** Whether each data set of the run has met a newer pass of another one. */
export function isSuperseded(run: PassOfRun, all: readonly PassOfRun[]): boolean {
  const newer = new Set(all.filter(({ time }) => time > run.time).flatMap(({ datasets }) => datasets));
  return run.datasets.every((dataset) => newer.has(dataset));
}

async function madeMs(directory: string, pass: number): Promise<number> {
  const file = join(runPaths(directory).rowLosses, `pass-${pass}.losses`);
  return stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}

interface Planned {
  dataset: string;
  file: string;
  /** Why it is not written; null: it is. */
  problem: string | null;
}

async function writeBeside(directory: string, pass: number, signal?: AbortSignal): Promise<RowLossFile[]> {
  const planned = await plan(directory, signal);
  const tables: RowLossTable[] = [];
  for (const entry of planned.filter(({ problem }) => problem === null)) {
    try {
      tables.push(await RowLossTable.begin(entry.file, entry.dataset));
    } catch (error) {
      entry.problem = describeError(error);
    }
  }
  await fillTables(directory, pass, tables, signal);
  return Promise.all(
    planned.map(async (entry) => {
      const { size, mtimeMs } = entry.problem === null ? await stat(entry.file) : { size: 0, mtimeMs: 0 };
      return { ...entry, bytes: size, writtenMs: mtimeMs };
    }),
  );
}

/** A file for each data set that run.json and the manifest name: what one alone says is not gone by. */
async function plan(directory: string, signal?: AbortSignal): Promise<Planned[]> {
  const { dataset } = await readRunSpec(directory);
  const asked = new Set([dataset, ...(dataset.mixture ?? [])].map(({ path }) => path));
  const manifest = await readManifest(directory);
  const sources = manifest.sources.filter(
    ({ path }, index, all) => asked.has(path) && all.findIndex((other) => other.path === path) === index,
  );
  const readings = await readSources(directory, { ...manifest, sources }, [], signal);
  const planned: Planned[] = [];
  for (const [index, { path }] of sources.entries()) {
    const file = fileBeside(
      path,
      planned.map((entry) => entry.file),
    );
    planned.push({ dataset: path, file, problem: changeOf(path, readings[index]!.state) ?? (await inTheWay(file)) });
  }
  return planned;
}

/** `questions.jsonl` → `questions.row-losses.csv`; with the whole name where another data set has that one. */
function fileBeside(dataset: string, taken: readonly string[]): string {
  const file = `${dataset.replace(/\.(jsonl|ndjson)$/i, "")}${ENDING}`;
  return taken.includes(file) ? `${dataset}${ENDING}` : file;
}

function changeOf(dataset: string, state: SourceState): string | null {
  if (state === "unchanged") return null;
  const what = state === "missing" ? "is no longer there" : "has changed since the run was prepared";
  return `${dataset} ${what}, so that no row losses are written beside it.`;
}

/** Null where nothing is there, or a table of row losses. */
async function inTheWay(file: string): Promise<string | null> {
  const left = `${file} is no table of row losses and is left as it is; move it, and the next pass is written there.`;
  const begins = Buffer.from(ROW_LOSS_HEADER);
  try {
    const handle = await openPlainFile(file);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(begins.length + 1), 0, begins.length + 1, 0);
      const ends = bytesRead === begins.length || /[\r\n]/.test(String.fromCharCode(buffer[begins.length]!));
      return ends && buffer.subarray(0, begins.length).equals(begins) ? null : left;
    } finally {
      await handle.close();
    }
  } catch (error) {
    return hasCode(error, "ENOENT") ? null : left;
  }
}
