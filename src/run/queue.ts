import { basename, dirname, join } from "node:path";
import { writeAtomically } from "../disk/atomicWrite";
import type { RunSpec } from "../protocol/run";
import { withFolderLock } from "./folderLock";
import { readPlainFile } from "./plainFile";
import { withFile } from "./runError";

const VERSION = 1;
const MAX_BYTES = 1 << 20;
const MAX_RUNS = 1000;
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/;

/** `.tunesmith/queue.json`: the ids of the runs that wait for their turn, the next one first. */
export function queueFile(runsFolder: string): string {
  const parent = dirname(runsFolder);
  return join(basename(parent) === ".tunesmith" ? parent : runsFolder, "queue.json");
}

/** None where the file is absent or says nothing that can be read: the runs' own marks still say that they wait. */
export async function readQueue(runsFolder: string): Promise<string[]> {
  try {
    const value: unknown = JSON.parse(await readPlainFile(queueFile(runsFolder), MAX_BYTES));
    const { runs } = (value ?? {}) as { runs?: unknown };
    if (!Array.isArray(runs)) return [];
    const ids = runs.filter((id): id is string => typeof id === "string" && ID.test(id));
    return [...new Set(ids)].slice(0, MAX_RUNS);
  } catch {
    return [];
  }
}

/**
 * Writes what `change` makes of the queue, while no other window or program changes it. Throws one sentence where the
 * folder cannot be written to or the queue stays taken.
 */
export async function changeQueue(
  runsFolder: string,
  change: (ids: readonly string[]) => readonly string[] | Promise<readonly string[]>,
): Promise<string[]> {
  const file = queueFile(runsFolder);
  return withFolderLock(join(dirname(file), "queue.lock"), async () => {
    const before = await readQueue(runsFolder);
    const after = [...(await change(before))].slice(0, MAX_RUNS);
    if (JSON.stringify(after) === JSON.stringify(before)) return after;
    try {
      await writeAtomically(file, `${JSON.stringify({ version: VERSION, runs: after }, null, 2)}\n`);
    } catch (error) {
      throw withFile(error, file);
    }
    return after;
  });
}

/** The queue with a run some places further to the front (negative) or the back. */
export function moveInQueue(ids: readonly string[], id: string, by: number): string[] {
  const from = ids.indexOf(id);
  if (from === -1) return [...ids];
  const rest = ids.filter((other) => other !== id);
  const to = Math.max(0, Math.min(rest.length, from + by));
  return [...rest.slice(0, to), id, ...rest.slice(to)];
}

/** What a run computes on; "any": that will be known once it has started. */
export type DeviceClaim = "cpu" | "gpu" | "any";

/** `device`: where its engine says that it computes, e.g. "cuda:0"; null: it has not said so yet. */
export function claimOf(spec: Pick<RunSpec, "device">, device: string | null): DeviceClaim {
  if (device !== null) return device.startsWith("cuda") ? "gpu" : "cpu";
  if (spec.device === "auto") return "any";
  return spec.device === "cuda" ? "gpu" : "cpu";
}

export interface Claimant {
  id: string;
  claim: DeviceClaim;
}

/** The run that `run` has to wait for: one that computes, or may, where it would. */
export function inTheWay<Other extends Claimant>(run: Claimant, others: readonly Other[]): Other | undefined {
  return others.find(
    ({ id, claim }) => id !== run.id && (claim === run.claim || claim === "any" || run.claim === "any"),
  );
}

/** The waiting runs that may start now, in the queue's order; none overtakes one that it would have to wait for. */
export function readyToStart(waiting: readonly Claimant[], active: readonly Claimant[]): string[] {
  const ahead = [...active];
  const ready: string[] = [];
  for (const run of waiting) {
    if (inTheWay(run, ahead) === undefined) ready.push(run.id);
    ahead.push(run);
  }
  return ready;
}
