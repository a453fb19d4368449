import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { syncFolder } from "../disk/atomicWrite";
import type { ExportRecord } from "../protocol/run";
import { GRAPH_VERSION, RUN_VERSION } from "../protocol/run";
import { ModelError, systemError } from "./error";
import { readJsonObject } from "./jsonFile";
import { MODEL_FILE } from "./onnx/llamaGraph";
import { DurableFile, type WrittenFile } from "./onnx/writeModel";
import { parityFailure } from "./parity";

const RECORD_FILE = "export.json";

/**
 * Builds the folder `target` under a temporary name beside it and moves it there when `fill` is done; a failure, a full
 * disk or a cancel leaves what was there before.
 */
export async function replaceFolder<T>(target: string, fill: (folder: string) => Promise<T>): Promise<T> {
  const parent = dirname(target);
  const name = basename(target);
  const suffix = `${process.pid}-${randomBytes(4).toString("hex")}`;
  const fresh = join(parent, `.${name}.${suffix}.tmp`);
  const old = join(parent, `.${name}.${suffix}.old`);
  try {
    await mkdir(parent, { recursive: true });
    await removeLeftovers(parent, name);
    await mkdir(fresh);
  } catch (error) {
    throw systemError(fresh, "created", error);
  }
  try {
    const result = await fill(fresh);
    await syncFolder(fresh);
    if (existsSync(target)) await rename(target, old);
    try {
      await rename(fresh, target);
    } catch (error) {
      if (existsSync(old)) await rename(old, target);
      throw systemError(target, "replaced", error);
    }
    await syncFolder(parent);
    await rm(old, { recursive: true, force: true });
    return result;
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    throw error;
  }
}

/** Of an export that was killed. Another one still at work keeps its folder. */
async function removeLeftovers(parent: string, name: string): Promise<void> {
  for (const entry of await readdir(parent)) {
    const match = new RegExp(`^\\.${name}\\.(\\d+)-[0-9a-f]{8}\\.(tmp|old)$`).exec(entry);
    if (match && !isAlive(Number(match[1]))) await rm(join(parent, entry), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Copies a file into the folder, flushed and hashed. */
export async function copyInto(folder: string, source: string, name = basename(source)): Promise<WrittenFile> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(source);
  } catch (error) {
    throw systemError(source, "read", error);
  }
  return writeInto(folder, name, bytes);
}

export async function writeInto(folder: string, name: string, content: Uint8Array | string): Promise<WrittenFile> {
  const file = await DurableFile.create(join(folder, name));
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  await file.finishWith(() => file.write(bytes));
  return file.written(name);
}

export async function writeRecord(folder: string, record: ExportRecord): Promise<void> {
  await writeInto(folder, RECORD_FILE, `${JSON.stringify(record, null, 2)}\n`);
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  const handle = await open(path, "r").catch((error) => {
    throw systemError(path, "read", error);
  });
  try {
    for await (const block of handle.createReadStream({ autoClose: false })) hash.update(block as Uint8Array);
  } finally {
    await handle.close();
  }
  return hash.digest("hex");
}

/**
 * Reads export.json and refuses what must not be used: a failed gate, a missing or damaged file. Weights of gigabytes are
 * checked by their size alone: hashing them would cost more than loading them.
 */
export async function readExport(folder: string): Promise<ExportRecord> {
  const path = join(folder, RECORD_FILE);
  if (!existsSync(path))
    throw new ModelError(`${folder} holds no exported model (export.json is missing); export it first.`);
  const fields = readJsonObject(path);
  if (fields.raw("version") !== RUN_VERSION) fields.fail("version", String(RUN_VERSION));
  if (fields.raw("graph") !== GRAPH_VERSION) {
    throw new ModelError(`${folder} was exported by another version of Tunesmith; export the model again.`);
  }
  fields.string("model");
  const tuned = fields.string("adapterSha256") !== "";
  if (tuned && !fields.has("parity")) fields.fail("parity", "the report of the comparison with the engine");
  if (fields.has("parity")) {
    const parity = fields.object("parity");
    if (parity.raw("passed") !== true) {
      if (!Array.isArray(parity.raw("reasons"))) parity.fail("reasons", "a list");
      throw new ModelError(parityFailure(parity.values as unknown as NonNullable<ExportRecord["parity"]>));
    }
  }
  const files = fields.raw("files");
  if (!Array.isArray(files) || !files.some((file) => (file as WrittenFile | null)?.path === MODEL_FILE)) {
    fields.fail("files", `a list of files with ${MODEL_FILE}`);
  }
  for (const [i, value] of (files as unknown[]).entries()) {
    const file = fields.within((value ?? {}) as Record<string, unknown>, `files[${i}]`);
    await checkFile(folder, {
      path: basename(file.string("path")),
      bytes: file.integer("bytes", { min: 0, max: Number.MAX_SAFE_INTEGER }),
      sha256: file.string("sha256"),
    });
  }
  return fields.values as unknown as ExportRecord;
}

/** False where another version of Tunesmith made it, or where that cannot be read. */
export function isOfThisVersion(folder: string): boolean {
  try {
    return readJsonObject(join(folder, RECORD_FILE)).raw("graph") === GRAPH_VERSION;
  } catch {
    return false;
  }
}

/** A fraction of a second's work. */
const HASHED_UP_TO = 256 * 1024 * 1024;

async function checkFile(folder: string, expected: WrittenFile): Promise<void> {
  const path = join(folder, expected.path);
  let size: number;
  try {
    ({ size } = await stat(path));
  } catch (error) {
    throw systemError(path, "read", error);
  }
  if (size !== expected.bytes) {
    throw new ModelError(
      `${path} has ${size} bytes instead of ${expected.bytes}: it is damaged; export the model again.`,
    );
  }
  if (size <= HASHED_UP_TO && (await sha256OfFile(path)) !== expected.sha256) {
    throw new ModelError(`${path} is not the file that was exported: it is damaged; export the model again.`);
  }
}
