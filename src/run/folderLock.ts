import { randomBytes } from "node:crypto";
import { link, mkdir, rename, unlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { readPlainFile } from "./plainFile";
import { identify, isIdentity, ownIdentity, type ProcessIdentity, wasTouchedLately } from "./processIdentity";
import { hasCode, RunError, withFile } from "./runError";

const LOOK_AGAIN_MS = 50;
/** Nobody holds it for nearly as long: work under it reads and writes small files. */
const WAIT_LIMIT_MS = 10_000;
const MAX_BYTES = 1 << 12;

/**
 * Runs `work` while no other process that respects `file` does: another window, the CLI. The lock dies with its holder:
 * one whose process is gone, or of before a reboot, is taken over. Throws a RunError where it stays taken.
 */
export async function withFolderLock<Result>(file: string, work: () => Promise<Result>): Promise<Result> {
  await acquire(file);
  try {
    return await work();
  } finally {
    // Whoever finds the file after this process has ended takes it over.
    await unlink(file).catch(() => {});
  }
}

async function acquire(file: string): Promise<void> {
  const own = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    await mkdir(dirname(file), { recursive: true });
    // Linked into place with its content, so that a reader never sees a lock without its holder.
    await writeFile(own, JSON.stringify(await ownIdentity()), { flag: "wx" });
    try {
      for (const deadline = Date.now() + WAIT_LIMIT_MS; !(await take(own, file)); await delay(LOOK_AGAIN_MS)) {
        if (!(await removeDead(file)) && Date.now() > deadline) {
          throw new RunError(`${file} is held by another window; close that one, or delete the file if there is none.`);
        }
      }
    } finally {
      await unlink(own).catch(() => {});
    }
  } catch (error) {
    throw withFile(error, file);
  }
}

async function take(own: string, file: string): Promise<boolean> {
  try {
    await link(own, file);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}

/** True where the holder was gone and its lock is out of the way. */
async function removeDead(file: string): Promise<boolean> {
  const holder = await readHolder(file);
  if (holder !== undefined && (await holds(holder, file))) return false;
  const grave = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    await rename(file, grave);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return true;
    throw error;
  }
  // Another process may have taken it over in between: what was moved away is then its lock, and put back.
  const moved = await readHolder(grave);
  if (JSON.stringify(moved) !== JSON.stringify(holder)) await link(grave, file).catch(() => {});
  await unlink(grave);
  return true;
}

async function readHolder(file: string): Promise<ProcessIdentity | undefined> {
  try {
    const value: unknown = JSON.parse(await readPlainFile(file, MAX_BYTES));
    return isIdentity(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

async function holds(holder: ProcessIdentity, file: string): Promise<boolean> {
  const found = await identify(holder);
  return found === "elsewhere" ? wasTouchedLately(file) : found === "alive";
}
