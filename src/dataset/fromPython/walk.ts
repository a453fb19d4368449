import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

export interface WalkOptions {
  /** Leaves out test folders and test files. */
  skipTests: boolean;
  signal?: AbortSignal | undefined;
}

/** More files are not taken from one folder for samples. */
export const MOST_FILES = 20_000;

const skippedFolders = new Set(["__pycache__", "site-packages", "dist-packages", "node_modules"]);
const testFolders = new Set(["test", "tests", "testing", "idle_test"]);
const testFile = /^(test_.*|.*_test|conftest)\.py$/;

/** The Python files below a folder, as paths relative to it with "/", in an order that depends on the names alone. */
export async function* pythonFiles(folder: string, options: WalkOptions, below = ""): AsyncGenerator<string> {
  options.signal?.throwIfAborted();
  const names = await readdir(join(folder, below)).catch((error: unknown) => {
    if (below === "") throw error;
    // A folder below that may not be read, or has just gone away, is left out.
    return [] as string[];
  });
  // A virtual environment, whatever it is called: other people's code.
  if (names.includes("pyvenv.cfg")) return;
  for (const name of names.sort(byCodePoints)) {
    if (name.startsWith(".")) continue;
    const path = below === "" ? name : `${below}/${name}`;
    // Not stat: a link could lead in a circle, or out of the folder.
    const status = await lstat(join(folder, path));
    if (status.isDirectory()) {
      if (!skippedFolders.has(name) && !(options.skipTests && testFolders.has(name))) {
        yield* pythonFiles(folder, options, path);
      }
    } else if (status.isFile() && name.endsWith(".py") && !(options.skipTests && testFile.test(name))) {
      yield path;
    }
  }
}

function byCodePoints(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
