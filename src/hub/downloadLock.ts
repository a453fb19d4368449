import { mkdir, open, readFile, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { HubError } from "./hubError";

const BEAT_MS = 10_000;
/** A holder that has been silent for so long is gone: it may have been on another machine. */
const SILENT_MS = 6 * BEAT_MS;

/** Runs `work` while no other download of the same model does. Throws HubError where one is going on. */
export async function withDownloadLock<Result>(
  file: string,
  repository: string,
  work: () => Promise<Result>,
): Promise<Result> {
  await mkdir(dirname(file), { recursive: true });
  if (!(await take(file))) {
    if (await isHeld(file)) {
      throw new HubError("final", `${repository} is being downloaded already; wait for that download to end.`);
    }
    await rm(file, { force: true });
    if (!(await take(file))) {
      throw new HubError("final", `${repository} is being downloaded already; wait for that download to end.`);
    }
  }
  const beat = setInterval(() => {
    const now = new Date();
    // A lost lock file only means that a second download would not be refused; checksums still hold.
    utimes(file, now, now).catch(() => {});
  }, BEAT_MS);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await rm(file, { force: true });
  }
}

async function take(file: string): Promise<boolean> {
  try {
    const handle = await open(file, "wx");
    try {
      await handle.writeFile(JSON.stringify({ pid: process.pid, host: hostname() }));
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function isHeld(file: string): Promise<boolean> {
  try {
    if (Date.now() - (await stat(file)).mtimeMs > SILENT_MS) return false;
    const holder: unknown = JSON.parse(await readFile(file, "utf8"));
    const { pid, host } = (holder ?? {}) as { pid?: unknown; host?: unknown };
    return host !== hostname() || typeof pid !== "number" || isAlive(pid);
  } catch {
    // It is gone, or its holder ended while writing it.
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
