import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:fs";
import { type FileHandle, lstat, open } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describeError } from "../disk/describeError";
import { systemCause } from "../disk/systemCause";
import type { EngineEvent, EngineLock } from "../protocol/engine";
import { readEngineState } from "./engineLock";
import { highestAttempt, readAttempt, readLastEvents } from "./lastEvents";
import { listRun } from "./machineRuns";
import { runPaths } from "./runDirectory";
import { hasCode, RunError, withFile } from "./runError";
import { markStartFailed, markStarting, type Starter, whileStarting } from "./startMark";

const LOOK_AGAIN_MS = 50;
/** A machine under load may take long to read a large model; after this the launch counts as done. */
const FIRST_EVENT_LIMIT_MS = 60_000;
const LEAVING_LIMIT_MS = 10_000;
const LOG_TAIL_BYTES = 8192;

export interface Launch {
  pid: number;
  /** Why other windows and folders do not know that the run computes: one sentence; null: they do. */
  unlisted: string | null;
}

/**
 * Starts the engine on a prepared run, or lets a stopped one go on from its checkpoint. The engine lives in a session
 * of its own and outlives this process. Resolves with its first event; throws its last words where it ends before.
 */
export async function launchEngine(directory: string, engine: string, starter?: Starter): Promise<Launch> {
  await requireNoLinks(directory);
  const past = await readLastEvents(directory);
  await requireNoEngine(directory, past.at(-1));
  const attempt = highestAttempt(past);
  await markStarting(directory, attempt, starter);
  const unlisted = await listRun(directory).then(() => null, describeError);
  // An engine that dies before its first word has failed: that is not taken up.
  if (starter?.takeUp) await markStarting(directory, attempt);
  try {
    return { pid: await whileStarting(directory, () => spawnAndWait(directory, engine, attempt)), unlisted };
  } catch (error) {
    await markStartFailed(directory, attempt, error instanceof Error ? error.message : String(error));
    throw error;
  }
}

/** Throws where an engine is at work on the run; one that is only just leaving is none. */
export async function refuseWhereItGoes(directory: string): Promise<void> {
  const engine = await readEngineState(directory);
  if (engine.alive && !isLeaving((await readLastEvents(directory)).at(-1), engine.lock)) throw alreadyGoing(directory);
}

/** A resume right after a stop waits for the engine that is leaving. */
async function requireNoEngine(directory: string, last: EngineEvent | undefined): Promise<void> {
  for (const deadline = Date.now() + LEAVING_LIMIT_MS; ; await delay(LOOK_AGAIN_MS)) {
    const engine = await readEngineState(directory);
    if (!engine.alive) return;
    if (!isLeaving(last, engine.lock) || Date.now() > deadline) throw alreadyGoing(directory);
  }
}

/** It has said its last word. */
function isLeaving(last: EngineEvent | undefined, { attempt }: EngineLock): boolean {
  return (last?.type === "done" || last?.type === "error") && last.attempt === attempt;
}

const alreadyGoing = (directory: string) => new RunError(`The run ${basename(directory)} is already going.`);

/** What the engine writes must stay in the run's folder, which may have come from anyone. */
async function requireNoLinks(directory: string): Promise<void> {
  const paths = runPaths(directory);
  const written = [paths.data, paths.events, paths.control, paths.lock, paths.log, paths.checkpoints, paths.adapter];
  for (const path of [...written, paths.rowLosses, paths.tensorboard]) {
    if (await isLink(path)) {
      throw new RunError(`${path} is a link out of the run's folder; put what it leads to in its place, then start.`);
    }
  }
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw withFile(error, path);
  }
}

async function spawnAndWait(directory: string, engine: string, attempt: number): Promise<number> {
  const log = await openLog(runPaths(directory).log);
  try {
    const logStart = (await log.stat()).size;
    const child = spawn(engine, ["train", "--run", directory], {
      cwd: directory,
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
    });
    const end = endOf(child);
    child.unref();
    const spoke = await firstEventOrEnd(directory, attempt, end);
    if (spoke !== "event") throw new RunError(await lastWords(runPaths(directory).log, logStart, engine, spoke));
    return child.pid!;
  } finally {
    await log.close();
  }
}

type End = { error?: Error; code?: number | null; signal?: NodeJS.Signals | null };

function endOf(child: ChildProcess): Promise<End> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ error }));
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
}

async function firstEventOrEnd(directory: string, attempt: number, end: Promise<End>): Promise<"event" | End> {
  const deadline = Date.now() + FIRST_EVENT_LIMIT_MS;
  for (;;) {
    const ended = await Promise.race([end, delay(LOOK_AGAIN_MS, undefined)]);
    // After the end the file is complete, so a run that was over within a moment is not taken for a failed start.
    if ((await readAttempt(directory)) > attempt) return "event";
    if (ended !== undefined) return ended;
    if (Date.now() > deadline) return "event";
  }
}

async function openLog(file: string): Promise<FileHandle> {
  try {
    const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW = 0 } = constants;
    return await open(file, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o666);
  } catch (error) {
    throw withFile(error, file);
  }
}

/** The sentence that the engine left on stderr, else how it ended. */
async function lastWords(log: string, from: number, engine: string, end: End): Promise<string> {
  if (end.error !== undefined) {
    return `The training engine ${engine} could not be started: ${systemCause(end.error) ?? end.error.message}.`;
  }
  const line = (await readTail(log, from)).split("\n").findLast((text) => text.trim() !== "");
  if (line !== undefined) return line.trim().replace(/^tunesmith-engine: /, "");
  const how = end.signal ? `by the signal ${end.signal}` : `with exit code ${end.code}`;
  return `The training engine ended at once ${how} and said nothing; see ${log}.`;
}

async function readTail(file: string, from: number): Promise<string> {
  const handle = await open(file, "r");
  try {
    const { size } = await handle.stat();
    const start = Math.max(from, size - LOG_TAIL_BYTES);
    const buffer = Buffer.alloc(Math.max(0, size - start));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, start);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await handle.close();
  }
}
