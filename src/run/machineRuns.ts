import { realpath } from "node:fs/promises";
import { homedir, hostname } from "node:os";
import { basename, dirname, isAbsolute, join } from "node:path";
import { writeAtomically } from "../disk/atomicWrite";
import type { RunSpec } from "../protocol/run";
import { readEngineState } from "./engineLock";
import { withFolderLock } from "./folderLock";
import { readPlainFile } from "./plainFile";
import { type Claimant, claimOf, type DeviceClaim, inTheWay } from "./queue";
import { RunMonitor } from "./runMonitor";
import { startIsUnderWay } from "./startMark";

const VERSION = 1;
const MAX_BYTES = 1 << 20;
const MAX_RUNS = 256;

/** A run that computes on this machine, or is about to, in whatever folder. */
export interface MachineRun extends Claimant {
  /** Its directory. */
  id: string;
  name: string;
}

/** Where the user's runs on this machine are listed: the state folder of the XDG base directory specification. */
export function machineStateFolder(): string {
  const given = process.env.XDG_STATE_HOME ?? "";
  return join(isAbsolute(given) ? given : join(homedir(), ".local", "state"), "tunesmith");
}

const listFile = () => join(machineStateFolder(), "runs.json");

/**
 * Runs `work` while no other window or program of the user decides on this machine what starts. Throws a RunError where
 * the state folder cannot be written.
 */
export function withMachineLock<Result>(work: () => Promise<Result>): Promise<Result> {
  return withFolderLock(join(machineStateFolder(), "runs.lock"), work);
}

/**
 * Lists a run whose start is marked, so that other windows and folders know of it. Whether it computes is never stored:
 * its directory says so. Throws one sentence where the state folder cannot be written.
 */
export function listRun(directory: string): Promise<void> {
  return withMachineLock(() => listRunLocked(directory));
}

/** The same where the caller has the machine's lock. */
export async function listRunLocked(directory: string): Promise<void> {
  const own = await realpath(directory);
  const others = (await readList()).filter((listed) => listed !== own);
  const computing = await Promise.all(others.map(mayCompute));
  const runs = [own, ...others.filter((_, index) => computing[index])].slice(0, MAX_RUNS);
  await writeAtomically(listFile(), `${JSON.stringify({ version: VERSION, runs }, null, 2)}\n`);
}

/** The directories of runs that were launched, most of them over; none where the list is absent or says nothing. */
async function readList(): Promise<string[]> {
  try {
    const value: unknown = JSON.parse(await readPlainFile(listFile(), MAX_BYTES));
    const { runs } = (value ?? {}) as { runs?: unknown };
    if (!Array.isArray(runs)) return [];
    const paths = runs.filter((path): path is string => typeof path === "string" && isAbsolute(path));
    return [...new Set(paths)].slice(0, MAX_RUNS);
  } catch {
    return [];
  }
}

/** A quick look, without its events. A home shared with other machines lists their runs too: those are not meant. */
async function mayCompute(directory: string): Promise<boolean> {
  const engine = await readEngineState(directory);
  if (engine.alive) return engine.lock.host === hostname();
  return startIsUnderWay(directory);
}

/** The runs that compute on this machine, read again and again at the cost of what is new. */
export class MachineRuns {
  readonly #monitors = new Map<string, RunMonitor>();

  /** Those that compute now, or are being started, but for those that are `known` otherwise. Throws nothing. */
  async read(known: (directory: string) => boolean = () => false): Promise<MachineRun[]> {
    const listed = (await readList()).filter((directory) => !known(directory));
    for (const directory of this.#monitors.keys()) {
      if (!listed.includes(directory)) this.#monitors.delete(directory);
    }
    const found = await Promise.all(listed.map((directory) => this.#readOne(directory)));
    return found.filter((run) => run !== undefined);
  }

  async #readOne(directory: string): Promise<MachineRun | undefined> {
    try {
      if (!(await mayCompute(directory))) return undefined;
      const monitor = await this.#monitor(directory);
      const { state, device } = monitor.head();
      if (state !== "preparing" && state !== "running" && state !== "paused") return undefined;
      const { name, spec } = monitor;
      return { id: directory, name, claim: claimOf(spec, state === "preparing" ? null : device) };
    } catch {
      // It was moved or deleted, or is no run.
      return undefined;
    }
  }

  async #monitor(directory: string): Promise<RunMonitor> {
    const known = this.#monitors.get(directory);
    if (known !== undefined) {
      await known.refresh();
      return known;
    }
    const opened = await RunMonitor.open(directory, "brief");
    this.#monitors.set(directory, opened);
    return opened;
  }
}

/** Another run that has the GPU of this machine, or is about to take it. */
export async function gpuHolder(directory?: string): Promise<MachineRun | undefined> {
  return otherRun(directory, "gpu");
}

/** Another run that computes where the run in `directory` would. */
export async function runInTheWay(directory: string, spec: Pick<RunSpec, "device">): Promise<MachineRun | undefined> {
  return otherRun(directory, claimOf(spec, null));
}

async function otherRun(directory: string | undefined, claim: DeviceClaim): Promise<MachineRun | undefined> {
  const id = directory === undefined ? "" : await realpath(directory).catch(() => directory);
  return inTheWay({ id, claim }, await new MachineRuns().read());
}

/** Why the processor answers about the run in `directory`: one sentence. */
export function gpuTakenBy(holder: MachineRun, directory: string): string {
  const place = dirname(holder.id) === dirname(directory) ? "" : ` in ${workFolderOf(holder.id)}`;
  return `The GPU is taken by the run ${holder.name}${place}: the processor answers, more slowly.`;
}

/** The folder that a person works in, of a run's directory. */
export function workFolderOf(directory: string): string {
  const runsFolder = dirname(directory);
  const parent = dirname(runsFolder);
  return basename(parent) === ".tunesmith" ? dirname(parent) : runsFolder;
}
