import { basename, join } from "node:path";
import type { EngineLock } from "../protocol/engine";
import { readPlainFile } from "./plainFile";
import { bootTime, identify, isIdentity, wasStartedWith } from "./processIdentity";

/** Ten beats: an engine on another machine is then taken for gone, one whose process lives for silent. */
export const SILENCE_MS = 20_000;
/** The engine's own is 512. */
const MAX_BYTES = 1 << 16;

export type EngineState = { alive: true; lock: EngineLock } | { alive: false; lock: EngineLock | undefined };

/** Whether the engine that last took the run's lock still runs. The file stays behind when it ends. */
export async function readEngineState(directory: string, now = Date.now()): Promise<EngineState> {
  const lock = await readLock(directory);
  if (lock === undefined) return { alive: false, lock };
  return { alive: await isAlive(directory, lock, now), lock };
}

/** Milliseconds since the living engine's last sign of life; 0 where none lives. */
export function silenceOf(engine: EngineState, now = Date.now()): number {
  return engine.alive ? Math.max(0, now - engine.lock.heartbeat) : 0;
}

async function isAlive(directory: string, lock: EngineLock, now: number): Promise<boolean> {
  const found = await identify(lock);
  // A heartbeat of times to come would count for ever.
  const hasCome = lock.heartbeat - now < SILENCE_MS;
  if (found === "elsewhere") return hasCome && now - lock.heartbeat < SILENCE_MS;
  if (found === "gone") return false;
  // A lock of before a reboot may name a process that has the same number and ticks now. A clock that has been set
  // makes a living engine's heartbeat look as old, so what was started must tell.
  return (hasCome && lock.heartbeat >= bootTime()) || (await wasStartedWith(lock.pid, basename(directory)));
}

async function readLock(directory: string): Promise<EngineLock | undefined> {
  // It is rewritten in place, so a reader can meet half of it: one more look settles that.
  return (await tryReadLock(directory)) ?? (await tryReadLock(directory));
}

async function tryReadLock(directory: string): Promise<EngineLock | undefined> {
  try {
    const value: unknown = JSON.parse(await readPlainFile(join(directory, "engine.lock"), MAX_BYTES));
    return isLock(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isLock(value: unknown): value is EngineLock {
  if (!isIdentity(value)) return false;
  const { attempt, heartbeat } = value as Partial<EngineLock>;
  return Number.isSafeInteger(attempt) && (attempt as number) >= 0 && Number.isFinite(heartbeat);
}
