import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import * as v from "valibot";
import type { ReadOptions } from "../dataset/readDataset";
import { writeAtomically } from "../disk/atomicWrite";
import type { RunSpec } from "../protocol/run";
import { hashFile, hashModel } from "./contentHash";
import { folderChange, notedFolderSchema, noteFolder } from "./notedFolder";
import { changedWeights, notedWeightsSchema, noteWeights } from "./notedWeights";
import { readPlainFile } from "./plainFile";
import { runPaths } from "./runDirectory";
import { hasCode, withFile } from "./runError";
import { dataSettingChanges, dataSettings, settingChanges } from "./settingChanges";

const VERSION = 1;
const MAX_MANIFEST_BYTES = 64 << 20;
const MAX_STATE_BYTES = 4 << 20;
const MAX_RECORD_BYTES = 4 << 20;

/** Something that is not as it was when the run was prepared, or when its newest checkpoint was written. */
export interface ProvenanceChange {
  kind: "data" | "model" | "tokenizer" | "settings";
  /** One sentence. */
  message: string;
}

export interface ProvenanceCheck {
  changes: ProvenanceChange[];
  /** What has changed are the data set's files alone: the prepared rows are still what the run was made with. */
  preparedHolds: boolean;
}

const manifestSchema = v.object({
  tokenizer: v.object({ path: v.string(), sha256: v.string() }),
  sources: v.array(v.object({ path: v.string(), sha256: v.string(), bytes: v.number(), rows: v.number() })),
});
type Manifest = v.InferOutput<typeof manifestSchema>;

/** provenance.json: what a run was prepared from, beside the manifest's checksums, so that an untouched file is not read. */
const recordSchema = v.object({
  version: v.literal(VERSION),
  data: v.array(v.object({ path: v.string(), bytes: v.number(), mtimeMs: v.number() })),
  /** The engine's digest of the base model. */
  model: v.nullable(v.string()),
  // What came later: an older run's record lacks it, and it is then not compared.
  weights: v.exactOptional(notedWeightsSchema),
  settings: v.exactOptional(v.record(v.string(), v.unknown())),
  completionFolder: v.exactOptional(notedFolderSchema),
});
type ProvenanceRecord = v.InferOutput<typeof recordSchema>;

const stateSchema = v.object({ settings: v.record(v.string(), v.unknown()), model: v.string() });

const recordFile = (directory: string) => join(directory, "provenance.json");

/** The files whose rows a run is prepared from. */
function dataFiles({ dataset }: RunSpec): string[] {
  const paths = [dataset.path, ...(dataset.mixture ?? []).map(({ path }) => path)];
  return [...new Set(dataset.heldOut.kind === "file" ? [...paths, dataset.heldOut.path] : paths)];
}

/**
 * Notes what the run is about to be prepared from. The result writes it down once that is done: a file that has changed
 * in between differs from the note, and is then compared by its content.
 */
export async function noteProvenance(
  directory: string,
  spec: RunSpec,
  options: ReadOptions = {},
): Promise<() => Promise<void>> {
  const data: ProvenanceRecord["data"] = [];
  for (const path of dataFiles(spec)) {
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined) data.push({ path, bytes: found.size, mtimeMs: found.mtimeMs });
  }
  const record: ProvenanceRecord = {
    version: VERSION,
    data,
    model: await hashModel(spec.model.path).catch(() => null),
    settings: dataSettings(spec),
  };
  // What cannot be read stops the preparation itself, which says so.
  const weights = await unlessAborted(noteWeights(spec.model.path, options), options);
  if (weights !== undefined) record.weights = weights;
  const folder = spec.dataset.completion?.folder ?? null;
  const files = folder === null ? undefined : await unlessAborted(noteFolder(folder, options), options);
  if (files !== undefined) record.completionFolder = files;
  return async () => {
    try {
      await writeAtomically(recordFile(directory), `${JSON.stringify(record, null, 2)}\n`);
    } catch (error) {
      throw withFile(error, recordFile(directory));
    }
  };
}

/** Undefined where it fails for another reason than that it was cancelled. */
async function unlessAborted<T>(noting: Promise<T>, { signal }: ReadOptions): Promise<T | undefined> {
  try {
    return await noting;
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}

/**
 * Compares a prepared run with what it was made from: the data set's files, the base model, its tokenizer, and the
 * settings with those of the preparation and of the newest checkpoint. Reads a file whole only where its size or time
 * differ from the note.
 */
export async function checkProvenance(
  directory: string,
  spec: RunSpec,
  options: ReadOptions = {},
): Promise<ProvenanceCheck> {
  const manifest = await readJson(join(runPaths(directory).data, "manifest.json"), manifestSchema, MAX_MANIFEST_BYTES);
  const record = await readJson(recordFile(directory), recordSchema, MAX_RECORD_BYTES);
  const checkpoint = await newestCheckpoint(directory);
  const state =
    checkpoint === undefined
      ? undefined
      : await readJson(join(checkpoint.path, "state.json"), stateSchema, MAX_STATE_BYTES);
  const changes: ProvenanceChange[] = [];
  const add = (kind: ProvenanceChange["kind"], messages: readonly string[]) =>
    changes.push(...messages.map((message) => ({ kind, message })));
  const ofData = record?.settings === undefined ? [] : dataSettingChanges(record.settings, spec);
  const ofTraining = state === undefined ? [] : settingChanges(state.settings, await readSettings(directory));
  add("settings", [...new Set([...ofData, ...ofTraining])]);
  add("model", await modelChanges(spec.model.path, state?.model ?? record?.model ?? null, record, options));
  if (manifest !== undefined) {
    if (changes.every(({ kind }) => kind !== "model")) add("tokenizer", await tokenizerChanges(manifest.tokenizer));
    add("data", await dataChanges(spec, manifest, record?.data ?? [], options.signal));
    const folder = record?.completionFolder;
    // Another folder is another setting.
    if (folder !== undefined && folder.path === spec.dataset.completion?.folder) {
      const change = await folderChange(folder, options);
      if (change !== undefined) add("data", [change]);
    }
  }
  return { changes, preparedHolds: changes.every(({ kind }) => kind === "data") };
}

/** run.json as it is written, without what a default would add. */
async function readSettings(directory: string): Promise<Record<string, unknown> | undefined> {
  return readJson(runPaths(directory).spec, v.record(v.string(), v.unknown()), MAX_STATE_BYTES);
}

async function modelChanges(
  model: string,
  then: string | null,
  record: ProvenanceRecord | undefined,
  options: ReadOptions,
): Promise<string[]> {
  try {
    const now = await hashModel(model);
    if (then !== null && now !== then) return [`The files of the base model ${model} have changed.`];
    // The engine's digest is of samples alone.
    const changed = await changedWeights(model, record?.weights ?? [], options);
    return changed.map(
      (name) => `${name} of the base model ${model} has other content than when the run was prepared.`,
    );
  } catch {
    options.signal?.throwIfAborted();
    return [`The base model ${model} is not there, or cannot be read; put it back.`];
  }
}

async function tokenizerChanges({ path, sha256 }: Manifest["tokenizer"]): Promise<string[]> {
  const now = await hashFile(path).catch(() => undefined);
  if (now === undefined) return [`The tokenizer ${path} is not there, or cannot be read; put it back.`];
  return now.sha256 === sha256 ? [] : [`The tokenizer ${path} has changed.`];
}

async function dataChanges(
  spec: RunSpec,
  { sources }: Manifest,
  noted: ProvenanceRecord["data"],
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const messages: string[] = [];
  const named = new Set(dataFiles(spec));
  for (const source of sources) {
    named.delete(source.path);
    const note = noted.find(({ path }) => path === source.path);
    const change = await sourceChange(source, note, signal);
    if (change !== undefined) messages.push(change);
  }
  for (const path of named) messages.push(`${basename(path)} was not among the data that the run was prepared with.`);
  return messages;
}

async function sourceChange(
  source: Manifest["sources"][number],
  note: ProvenanceRecord["data"][number] | undefined,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const name = basename(source.path);
  const found = await stat(source.path).catch(() => undefined);
  if (found === undefined) return `${name} is no longer in ${source.path.slice(0, -name.length) || "/"}.`;
  if (note !== undefined && found.size === note.bytes && found.mtimeMs === note.mtimeMs) return undefined;
  if (!found.isFile()) return `${name} is no longer a file.`;
  const { sha256, rows } = await hashFile(source.path, signal);
  if (sha256 === source.sha256) return undefined;
  if (rows === source.rows) return `${name} has other content than when the run was prepared.`;
  return `${name} has ${count(rows)}, ${source.rows.toLocaleString("en-US")} when the run was prepared.`;
}

const count = (rows: number) => `${rows.toLocaleString("en-US")} ${rows === 1 ? "row" : "rows"}`;

/** The checkpoint with the highest step, where the engine would go on from; undefined: there is none. */
export async function newestCheckpoint(directory: string): Promise<{ path: string; step: number } | undefined> {
  const folder = runPaths(directory).checkpoints;
  let names: string[];
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw withFile(error, folder);
  }
  const steps = names.flatMap((name) => (/^step-\d{1,15}$/.test(name) ? [Number(name.slice(5))] : []));
  if (steps.length === 0) return undefined;
  const step = Math.max(...steps);
  return { path: join(folder, `step-${step}`), step };
}

/** Undefined where the file is absent or not what it should be: an older run lacks some of them. */
async function readJson<T>(
  file: string,
  schema: v.GenericSchema<unknown, T>,
  maxBytes: number,
): Promise<T | undefined> {
  try {
    const parsed = v.safeParse(schema, JSON.parse(await readPlainFile(file, maxBytes)));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}
