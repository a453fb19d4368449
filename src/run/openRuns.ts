import { basename } from "node:path";
import { readEngineState } from "./engineLock";

/** Reading a run waits for the disk about as long as it computes. */
const AT_ONCE = 4;

/**
 * Calls `open` with each of the run directories, a few at a time: those whose engine is at work first, then the newest.
 * What a person looks for is there before the rest is read.
 */
export async function openRuns(
  directories: readonly string[],
  open: (directory: string) => Promise<void>,
): Promise<void> {
  const waiting = await inOrderOfInterest(directories);
  const openNext = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await open(next);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, openNext));
}

async function inOrderOfInterest(directories: readonly string[]): Promise<string[]> {
  const runs = await Promise.all(
    directories.map(async (directory) => ({ directory, alive: (await readEngineState(directory)).alive })),
  );
  runs.sort((a, b) => Number(b.alive) - Number(a.alive) || (basename(a.directory) < basename(b.directory) ? 1 : -1));
  return runs.map(({ directory }) => directory);
}
