import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ControlMessage, EngineLock } from "../protocol/engine";
import { readEngineState } from "./engineLock";
import { readAttempt } from "./lastEvents";
import { identify } from "./processIdentity";
import { runPaths } from "./runDirectory";
import { hasCode, RunError, withFile } from "./runError";
import { readStartState } from "./startMark";

const NEWLINE = 0x0a;
const LOOK_AGAIN_MS = 200;
/** A process that was killed is gone by then, unless the kernel holds it. */
const KILLED_MS = 5000;

/** Asks the run's engine for something; throws one sentence where none is at work. */
export async function sendControl(
  directory: string,
  type: ControlMessage["type"],
  /** With "learning-rate". */
  learningRate?: number,
): Promise<void> {
  await appendMessage(directory, type, await requireEngine(directory), learningRate);
}

export interface StopOptions {
  /** SIGTERM after this long, then SIGKILL after as long again; absent: only ask. */
  forceAfterMs?: number;
  signal?: AbortSignal;
}

/** Asks the engine to stop with a checkpoint and waits for its end. */
export async function stopRun(directory: string, { forceAfterMs, signal }: StopOptions = {}): Promise<void> {
  const lock = await requireEngine(directory);
  await appendMessage(directory, "stop", lock);
  const limit = forceAfterMs ?? Number.POSITIVE_INFINITY;
  if (!(await waitForEnd(directory, limit, signal))) await endEngine(directory, limit, signal);
}

/**
 * Ends an engine that does not obey: SIGTERM, and SIGKILL `patienceMs` later. The checkpoints stay, what came after the last
 * one is lost. Throws one sentence where it runs on another machine, or cannot be ended.
 */
export async function endEngine(directory: string, patienceMs: number, signal?: AbortSignal): Promise<void> {
  await kill(directory, "SIGTERM");
  if (await waitForEnd(directory, patienceMs, signal)) return;
  await kill(directory, "SIGKILL");
  if (await waitForEnd(directory, KILLED_MS, signal)) return;
  throw new RunError(`The engine of ${basename(directory)} cannot be ended: its process may wait for a device.`);
}

async function requireEngine(directory: string): Promise<EngineLock> {
  const engine = await readEngineState(directory);
  if (engine.alive) return engine.lock;
  const start = await readStartState(directory, await readAttempt(directory));
  throw new RunError(
    start.kind === "under-way"
      ? `The run ${basename(directory)} is still being prepared; its engine can be asked once it is at work.`
      : `The run ${basename(directory)} is not going on, so it cannot be controlled.`,
  );
}

async function appendMessage(
  directory: string,
  type: ControlMessage["type"],
  lock: EngineLock,
  learningRate?: number,
): Promise<void> {
  const file = runPaths(directory).control;
  const rate = learningRate === undefined ? {} : { learningRate };
  const message: ControlMessage = { type, attempt: lock.attempt, time: Date.now(), ...rate };
  try {
    const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
    const handle = await open(file, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o666);
    try {
      // A writer that was killed in mid-line must not swallow this message.
      const lead = (await endsInMidLine(handle)) ? "\n" : "";
      await handle.appendFile(`${lead}${JSON.stringify(message)}\n`);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (hasCode(error, "ELOOP")) throw new RunError(`${file} is a link, which is not followed.`);
    throw withFile(error, file);
  }
}

async function endsInMidLine(handle: Awaited<ReturnType<typeof open>>): Promise<boolean> {
  const { size } = await handle.stat();
  if (size === 0) return false;
  const last = Buffer.alloc(1);
  await handle.read(last, 0, 1, size - 1);
  return last[0] !== NEWLINE;
}

/** True once the engine has ended, false where it still runs after `limitMs`. */
async function waitForEnd(directory: string, limitMs: number, signal: AbortSignal | undefined): Promise<boolean> {
  for (const end = Date.now() + limitMs; Date.now() < end; ) {
    if (!(await readEngineState(directory)).alive) return true;
    await delay(LOOK_AGAIN_MS, undefined, { signal });
  }
  return !(await readEngineState(directory)).alive;
}

async function kill(directory: string, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  const engine = await readEngineState(directory);
  if (!engine.alive) return;
  const { lock } = engine;
  // Here, the number of another machine's process is somebody else's.
  if ((await identify(lock)) !== "alive") {
    throw new RunError(`The engine of ${basename(directory)} runs on ${lock.host}; end it there.`);
  }
  try {
    process.kill(lock.pid, signal);
  } catch {
    // It has ended in the meantime.
  }
}
