import { randomBytes } from "node:crypto";
import { copyFile, mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { syncFolder, writeAtomically } from "../disk/atomicWrite";
import { RUN_VERSION, type RunSpec } from "../protocol/run";
import { readEngineState } from "./engineLock";
import { readPlainFile } from "./plainFile";
import { hasCode, RunError, withFile } from "./runError";
import { parseRunSpec, type RunSettings } from "./runSpec";
import { newStartMark, type Starter } from "./startMark";

/** A run.json names 64 data sets at the most. */
const MAX_SPEC_BYTES = 4 << 20;
/** The files of an adapter in PEFT's format. */
const ADAPTER_FILES = ["adapter_config.json", "adapter_model.safetensors"];

/** Where everything lies in a run directory. */
export function runPaths(directory: string) {
  return {
    directory,
    spec: join(directory, "run.json"),
    contract: join(directory, "contract.json"),
    data: join(directory, "data"),
    events: join(directory, "events.jsonl"),
    control: join(directory, "control.jsonl"),
    lock: join(directory, "engine.lock"),
    startMark: join(directory, "start.json"),
    log: join(directory, "engine.log"),
    checkpoints: join(directory, "checkpoints"),
    adapter: join(directory, "adapter"),
    exported: join(directory, "export"),
    initialAdapter: join(directory, "initial-adapter"),
    rowLosses: join(directory, "row-losses"),
    rowLossFiles: join(directory, "row-losses.json"),
    tensorboard: join(directory, "tensorboard"),
  };
}

/** The runs of a workspace folder, unless a setting moves them. */
export function runsFolderOf(workspaceFolder: string): string {
  return join(workspaceFolder, ".tunesmith", "runs");
}

export type NewRun = Pick<RunSpec, "name" | "model" | "dataset" | "parent"> & RunSettings;

/**
 * Creates `<runsFolder>/<id>/run.json` and marks the run as being started by this process. The directory appears
 * whole, so that a listener never sees one without its run.json. An adapter that the run starts from is copied into it:
 * the checkpoint that it lies in may go with the run that wrote it.
 */
export async function createRun(
  runsFolder: string,
  run: NewRun,
  starter?: Starter,
): Promise<{ directory: string; spec: RunSpec }> {
  const folder = resolve(runsFolder);
  const now = new Date();
  try {
    await mkdir(folder, { recursive: true });
    await ignoreInGit(folder);
  } catch (error) {
    throw withFile(error, folder);
  }
  for (let attempt = 1; ; attempt++) {
    const id = `${timestamp(now)}-${slug(run.name)}${attempt === 1 ? "" : `-${attempt}`}`;
    const directory = join(folder, id);
    const { adapter } = run.model;
    const model = adapter === undefined ? run.model : { ...run.model, adapter: runPaths(directory).initialAdapter };
    const spec: RunSpec = { version: RUN_VERSION, id, createdAt: now.toISOString(), ...run, model };
    parseRunSpec(spec, "The run");
    if (await placeRun(directory, spec, { adapter, starter })) return { directory, spec };
  }
}

/** False where `directory` is taken. */
async function placeRun(
  directory: string,
  spec: RunSpec,
  { adapter, starter }: { adapter: string | undefined; starter: Starter | undefined },
): Promise<boolean> {
  const folder = dirname(directory);
  const temporary = join(folder, `.new-${randomBytes(6).toString("hex")}`);
  try {
    await mkdir(temporary);
    if (adapter !== undefined) await copyAdapter(adapter, runPaths(temporary).initialAdapter);
    await writeAtomically(join(temporary, "run.json"), `${JSON.stringify(spec, null, 2)}\n`);
    await writeAtomically(join(temporary, "start.json"), await newStartMark(0, starter));
    await rename(temporary, directory);
    await syncFolder(folder);
    return true;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if (hasCode(error, "EEXIST", "ENOTEMPTY")) return false;
    throw withFile(error, directory);
  }
}

async function copyAdapter(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const name of ADAPTER_FILES) {
    try {
      await copyFile(join(from, name), join(to, name));
    } catch (error) {
      throw withFile(error, join(from, name));
    }
  }
}

/** Keeps the runs out of version control without touching the user's own .gitignore. */
async function ignoreInGit(runsFolder: string): Promise<void> {
  const parent = dirname(runsFolder);
  const folder = basename(parent) === ".tunesmith" ? parent : runsFolder;
  try {
    await writeFile(join(folder, ".gitignore"), "*\n", { flag: "wx" });
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  }
}

/** Throws one sentence where run.json is absent, no JSON or not a valid run. */
export async function readRunSpec(directory: string): Promise<RunSpec> {
  const file = runPaths(directory).spec;
  let text: string;
  try {
    text = await readPlainFile(file, MAX_SPEC_BYTES);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR"))
      throw new RunError(`${directory} is not a run directory: it has no run.json.`);
    throw withFile(error, file);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RunError(`${file} is not valid JSON.`);
  }
  return parseRunSpec(value, file);
}

/** The run directories in `runsFolder`, newest first; none where the folder is absent. */
export async function listRunDirectories(runsFolder: string): Promise<string[]> {
  let names: string[];
  try {
    const entries = await readdir(runsFolder, { withFileTypes: true });
    names = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith(".")).map((entry) => entry.name);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw withFile(error, runsFolder);
  }
  const directories = names.map((name) => join(runsFolder, name));
  const isRun = await Promise.all(directories.map((directory) => exists(runPaths(directory).spec)));
  return directories.filter((_, index) => isRun[index]).sort((a, b) => (basename(a) < basename(b) ? 1 : -1));
}

/** Deletes a run whose engine has ended. The name goes first, so that half a run is never listed. */
export async function deleteRun(directory: string): Promise<void> {
  if ((await readEngineState(directory)).alive) {
    throw new RunError(`The run ${basename(directory)} is still going; stop it before deleting it.`);
  }
  const doomed = join(dirname(directory), `.deleted-${randomBytes(6).toString("hex")}`);
  try {
    await rename(directory, doomed);
    await rm(doomed, { recursive: true, force: true });
  } catch (error) {
    throw withFile(error, directory);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}

/** 20261122-181203, in local time: it is read by people, and sorts. */
function timestamp(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
}

export function slug(name: string): string {
  const words =
    name
      .normalize("NFKD")
      .toLowerCase()
      .match(/[a-z0-9]+/g) ?? [];
  return words.join("-").slice(0, 40).replace(/-+$/, "") || "run";
}
