import { lstat, mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { hasCode } from "./runError";

/**
 * True for the first who asks, over all windows and reloads: `told/` in the run directory has an empty file for each
 * thing that a person was told of the run. True as well where nothing can be kept: better twice than never.
 */
export async function tellOnce(directory: string, what: string): Promise<boolean> {
  const folder = join(directory, "told");
  try {
    await mkdir(folder).catch((error: unknown) => {
      if (!hasCode(error, "EEXIST")) throw error;
    });
    if (!(await lstat(folder)).isDirectory()) return true;
    await (await open(join(folder, what), "wx")).close();
    return true;
  } catch (error) {
    return !hasCode(error, "EEXIST");
  }
}
