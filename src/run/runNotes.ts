import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { writeAtomically } from "../disk/atomicWrite";
import { hasCode, RunError, withFile } from "./runError";

/** What a person says of a run, kept beside run.json, which stays as it was made. */
export interface RunNotes {
  /** Shown in place of the name in run.json; null: that one. */
  name: string | null;
  notes: string;
  /** Without the sign before them, in the order in which they were given. */
  tags: string[];
}

const VERSION = 1;
const MAX_NAME = 200;
const MAX_NOTES = 100_000;
const MAX_TAGS = 50;
const MAX_TAG = 50;
/** More than the longest notes take, written in whatever way. */
const MAX_BYTES = 1 << 20;

export const noNotes: Readonly<RunNotes> = { name: null, notes: "", tags: [] };

export const notesFile = (directory: string) => join(directory, "notes.json");

/** One line without control characters and marks of direction; null where nothing is left. */
export function tidyName(text: string): string | null {
  return oneLine(text).slice(0, MAX_NAME).trim() || null;
}

/** What is typed between commas, or as a list: `"a, #b"` is a and b. Each once, whatever its case. */
export function tidyTags(tags: string | readonly string[]): string[] {
  const parts = typeof tags === "string" ? tags.split(",") : tags.flatMap((tag) => tag.split(","));
  const found = new Map<string, string>();
  for (const part of parts) {
    const tag = oneLine(part).replace(/^#+/, "").trim().slice(0, MAX_TAG).trim();
    const key = tag.toLowerCase();
    if (tag !== "" && !found.has(key) && found.size < MAX_TAGS) found.set(key, tag);
  }
  return [...found.values()];
}

function oneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]+/gu, " ")
    .replace(/ {2,}/g, " ")
    .trim();
}

const schema = v.looseObject({
  name: v.fallback(
    v.nullable(
      v.pipe(
        v.string(),
        v.transform((name) => tidyName(name)),
      ),
    ),
    null,
  ),
  notes: v.fallback(
    v.pipe(
      v.string(),
      v.transform((notes) => notes.slice(0, MAX_NOTES)),
    ),
    "",
  ),
  tags: v.fallback(
    v.pipe(
      v.array(v.string()),
      v.transform((tags) => tidyTags(tags)),
    ),
    [],
  ),
});

type StoredNotes = v.InferOutput<typeof schema>;

/** The notes of a run; none where the file is absent or says nothing that can be read. */
export async function readRunNotes(directory: string): Promise<RunNotes> {
  try {
    const { name, notes, tags } = await readStored(directory);
    return { name, notes, tags };
  } catch {
    return noNotes;
  }
}

/** Changes are made one after the other: each starts from what the one before has written. */
let lastChange: Promise<unknown> = Promise.resolve();

/**
 * Writes what `change` names and leaves the rest as it is, fields of other versions too. Throws one sentence where what
 * is there cannot be read, since it would be lost, or where the folder cannot be written to.
 */
export function changeRunNotes(directory: string, change: Partial<RunNotes>): Promise<RunNotes> {
  const made = lastChange.then(() => writeChange(directory, change));
  lastChange = made.catch(() => {});
  return made;
}

async function writeChange(directory: string, change: Partial<RunNotes>): Promise<RunNotes> {
  const stored = await readStored(directory);
  if (change.notes !== undefined && change.notes.length > MAX_NOTES) {
    throw new RunError(`The notes are longer than ${MAX_NOTES.toLocaleString("en-US")} characters; shorten them.`);
  }
  const name = change.name === undefined ? stored.name : change.name === null ? null : tidyName(change.name);
  const notes = change.notes ?? stored.notes;
  const tags = change.tags === undefined ? stored.tags : tidyTags(change.tags);
  const file = notesFile(directory);
  try {
    await writeAtomically(file, `${JSON.stringify({ version: VERSION, ...stored, name, notes, tags }, null, 2)}\n`);
  } catch (error) {
    throw withFile(error, file);
  }
  return { name, notes, tags };
}

async function readStored(directory: string): Promise<StoredNotes> {
  const file = notesFile(directory);
  const text = await readText(file);
  if (text === undefined) return { ...noNotes, tags: [] };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RunError(`${file} is not valid JSON; mend or delete it.`);
  }
  const parsed = v.safeParse(schema, value);
  if (!parsed.success || Array.isArray(value))
    throw new RunError(`${file} holds no notes of a run; mend or delete it.`);
  return parsed.output;
}

/** Undefined where the file is absent. A link is not followed: it may lead out of the run's folder. */
async function readText(file: string): Promise<string | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    if (hasCode(error, "ELOOP")) throw new RunError(`${file} is a link; replace it with a file.`);
    throw withFile(error, file);
  }
  try {
    const status = await handle.stat();
    if (!status.isFile()) throw new RunError(`${file} is not a file; remove it.`);
    if (status.size > MAX_BYTES) throw new RunError(`${file} is too large for notes of a run; shorten it.`);
    return await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}
