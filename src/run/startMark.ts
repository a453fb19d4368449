import { lutimes, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomically } from "../disk/atomicWrite";
import { readAttempt } from "./lastEvents";
import { readPlainFile } from "./plainFile";
import { identify, isIdentity, ownIdentity, type ProcessIdentity, wasTouchedLately } from "./processIdentity";
import { withFile } from "./runError";

const MAX_BYTES = 1 << 16;
const MAX_ERROR = 2000;
/** A few times in what a mark from elsewhere is believed for. */
const TOUCH_EVERY_MS = 15_000;

/**
 * start.json: who is bringing the run to its next attempt (preparing the data, launching the engine), that it waits for
 * its turn, or why the start failed. It counts until the attempt after `afterAttempt` has written an event.
 */
export interface StartMark extends ProcessIdentity {
  afterAttempt: number;
  /** One sentence; null while the start is under way. */
  error: string | null;
  /** It waits in the queue (queue.ts), whoever launches it. */
  queued?: true;
  /** A window prepares it: where that one has gone, another one prepares it anew. */
  takeUp?: true;
}

/** `takeUp`: see StartMark. */
export interface Starter {
  takeUp?: boolean;
}

export async function newStartMark(afterAttempt: number, { takeUp = false }: Starter = {}): Promise<string> {
  return write({ ...(await ownIdentity()), afterAttempt, error: null, ...(takeUp ? { takeUp } : {}) });
}

const write = (mark: StartMark) => `${JSON.stringify(mark)}\n`;
const fileOf = (directory: string) => join(directory, "start.json");

/** Says that this process is starting the run: until it ends, or the engine speaks, the run is "preparing". */
export async function markStarting(directory: string, afterAttempt: number, starter?: Starter): Promise<void> {
  await writeAtomically(fileOf(directory), await newStartMark(afterAttempt, starter));
}

/**
 * Touches this process's mark again and again while `work` goes on: where the folder is shared, others cannot ask for the
 * process, and believe a mark only as long as it is fresh.
 */
export async function whileStarting<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
  const touch = () => {
    const now = new Date();
    // A mark that is gone, or cannot be touched, is advice that nobody gets.
    lutimes(fileOf(directory), now, now).catch(() => {});
  };
  const timer = setInterval(touch, TOUCH_EVERY_MS);
  timer.unref();
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

/** Says why the start failed: the run is "failed" with this sentence as its cause. */
export async function markStartFailed(directory: string, afterAttempt: number, error: string): Promise<void> {
  await writeAtomically(fileOf(directory), write({ ...(await ownIdentity()), afterAttempt, error }));
}

/** Says that the run waits for its turn: it is "queued", whatever becomes of this process. */
export async function markQueued(directory: string, afterAttempt: number): Promise<void> {
  await writeAtomically(
    fileOf(directory),
    write({ ...(await ownIdentity()), afterAttempt, error: null, queued: true }),
  );
}

/** Nobody starts the run any more: it is again what its events say. */
export async function clearStartMark(directory: string): Promise<void> {
  try {
    await rm(fileOf(directory), { force: true });
  } catch (error) {
    throw withFile(error, fileOf(directory));
  }
}

export type StartState =
  | { kind: "none" }
  /** `here`: by this very process. */
  | { kind: "under-way"; here: boolean }
  /** The window that prepared it has gone; another one takes it up. */
  | { kind: "interrupted" }
  | { kind: "queued" }
  | { kind: "failed"; cause: string };

/** What the mark says about a run whose engine has reached `attempt` so far. */
export async function readStartState(directory: string, attempt: number): Promise<StartState> {
  const mark = await readStartMark(directory);
  if (mark === undefined || attempt > mark.afterAttempt) return { kind: "none" };
  if (mark.error !== null) return { kind: "failed", cause: mark.error.slice(0, MAX_ERROR) };
  if (mark.queued === true) return { kind: "queued" };
  const starter = await identify(mark);
  if (starter === "alive") return { kind: "under-way", here: mark.pid === process.pid };
  if (starter === "elsewhere" && (await wasTouchedLately(fileOf(directory)))) return { kind: "under-way", here: false };
  // Of another machine's run it is not for this one to go on with the start.
  if (starter === "gone" && mark.takeUp === true) return { kind: "interrupted" };
  return { kind: "failed", cause: "The start was interrupted before the engine ran; start the run again." };
}

/** Whether a living process of this machine is bringing the run to its next attempt. */
export async function startIsUnderWay(directory: string): Promise<boolean> {
  const mark = await readStartMark(directory);
  if (mark === undefined || mark.error !== null || mark.queued === true) return false;
  return (await identify(mark)) === "alive" && (await readAttempt(directory)) <= mark.afterAttempt;
}

async function readStartMark(directory: string): Promise<StartMark | undefined> {
  try {
    const value: unknown = JSON.parse(await readPlainFile(fileOf(directory), MAX_BYTES));
    return isStartMark(value) ? value : undefined;
  } catch {
    // Absent or damaged: it is advice for the state, never needed to go on.
    return undefined;
  }
}

function isStartMark(value: unknown): value is StartMark {
  if (!isIdentity(value)) return false;
  const { afterAttempt, error, queued, takeUp } = value as unknown as Record<string, unknown>;
  return (
    Number.isSafeInteger(afterAttempt) &&
    (error === null || typeof error === "string") &&
    (queued === undefined || queued === true) &&
    (takeUp === undefined || takeUp === true)
  );
}
