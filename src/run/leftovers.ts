import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { readEngineState } from "./engineLock";
import { hasCode, withFile } from "./runError";

/** What createRun and deleteRun call a run on its way into the list and out of it. */
const LEFTOVER = /^\.(?:new|deleted)-[0-9a-f]{12}$/;
/** Neither takes nearly as long; each entry that comes or goes makes the folder young again. */
const ABANDONED_MS = 3_600_000;

/**
 * Removes what is left in `runsFolder` of runs whose creation or deletion was killed; links are neither followed nor
 * removed. Returns the names of what is gone. Throws one sentence where something cannot be removed.
 */
export async function removeLeftovers(runsFolder: string, now = Date.now()): Promise<string[]> {
  const removed: string[] = [];
  for (const name of await leftoversIn(runsFolder)) {
    const directory = join(runsFolder, name);
    try {
      // A run that is deleted keeps its mtime: renaming it changes the ctime alone.
      if (now - (await lstat(directory)).ctimeMs < ABANDONED_MS) continue;
      if ((await readEngineState(directory)).alive) continue;
      await rm(directory, { recursive: true, force: true });
      removed.push(name);
    } catch (error) {
      // Another window was faster.
      if (!hasCode(error, "ENOENT")) throw withFile(error, directory);
    }
  }
  return removed;
}

async function leftoversIn(runsFolder: string): Promise<string[]> {
  try {
    const entries = await readdir(runsFolder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory() && LEFTOVER.test(entry.name)).map(({ name }) => name);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw withFile(error, runsFolder);
  }
}
