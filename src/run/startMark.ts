import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomically } from "../disk/atomicWrite";
import { identify, ownIdentity, type ProcessIdentity } from "./processIdentity";

/**
 * start.json: who is bringing the run to its next attempt (preparing the data, launching the engine), or why that
 * failed. It counts until the attempt after `afterAttempt` has written an event.
 */
export interface StartMark extends ProcessIdentity {
  afterAttempt: number;
  /** One sentence; null while the start is under way. */
  error: string | null;
}

export async function newStartMark(afterAttempt: number, error: string | null = null): Promise<string> {
  const mark: StartMark = { ...(await ownIdentity()), afterAttempt, error };
  return `${JSON.stringify(mark)}\n`;
}

/** Says that this process is starting the run: until it ends, or the engine speaks, the run is "preparing". */
export async function markStarting(directory: string, afterAttempt: number): Promise<void> {
  await writeAtomically(join(directory, "start.json"), await newStartMark(afterAttempt));
}

/** Says why the start failed: the run is "failed" with this sentence as its cause. */
export async function markStartFailed(directory: string, afterAttempt: number, error: string): Promise<void> {
  await writeAtomically(join(directory, "start.json"), await newStartMark(afterAttempt, error));
}

export type StartState = { kind: "none" } | { kind: "under-way" } | { kind: "failed"; cause: string };

/** What the mark says about a run whose engine has reached `attempt` so far. */
export async function readStartState(directory: string, attempt: number): Promise<StartState> {
  const mark = await readStartMark(directory);
  if (mark === undefined || attempt > mark.afterAttempt) return { kind: "none" };
  if (mark.error !== null) return { kind: "failed", cause: mark.error };
  if ((await identify(mark)) !== "gone") return { kind: "under-way" };
  return { kind: "failed", cause: "The start was interrupted before the engine ran; start the run again." };
}

async function readStartMark(directory: string): Promise<StartMark | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(directory, "start.json"), "utf8"));
    return isStartMark(value) ? value : undefined;
  } catch {
    // Absent or damaged: it is advice for the state, never needed to go on.
    return undefined;
  }
}

function isStartMark(value: unknown): value is StartMark {
  if (typeof value !== "object" || value === null) return false;
  const { pid, startTicks, host, afterAttempt, error } = value as Record<string, unknown>;
  return (
    [pid, startTicks, afterAttempt].every((field) => Number.isSafeInteger(field)) &&
    typeof host === "string" &&
    (error === null || typeof error === "string")
  );
}
