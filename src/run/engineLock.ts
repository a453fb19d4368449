import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { EngineLock } from "../protocol/engine";
import { identify } from "./processIdentity";

/** An engine on another machine that has been silent for this long is taken for gone. */
const SILENCE_MS = 20_000;

export type EngineState = { alive: true; lock: EngineLock } | { alive: false; lock: EngineLock | undefined };

/** Whether the engine that last took the run's lock still runs. The file stays behind when it ends. */
export async function readEngineState(directory: string, now = Date.now()): Promise<EngineState> {
  const lock = await readLock(directory);
  if (lock === undefined) return { alive: false, lock };
  const found = await identify(lock);
  const alive = found === "alive" || (found === "elsewhere" && now - lock.heartbeat < SILENCE_MS);
  return { alive, lock };
}

async function readLock(directory: string): Promise<EngineLock | undefined> {
  // It is rewritten in place, so a reader can meet half of it: one more look settles that.
  return (await tryReadLock(directory)) ?? (await tryReadLock(directory));
}

async function tryReadLock(directory: string): Promise<EngineLock | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(directory, "engine.lock"), "utf8"));
    return isLock(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isLock(value: unknown): value is EngineLock {
  if (typeof value !== "object" || value === null) return false;
  const { pid, startTicks, host, attempt, heartbeat } = value as Record<string, unknown>;
  return [pid, startTicks, attempt, heartbeat].every((field) => Number.isFinite(field)) && typeof host === "string";
}
