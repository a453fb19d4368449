import { execFile } from "node:child_process";
import { realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { promisify } from "node:util";
import * as v from "valibot";
import { SandboxRefused } from "./refused";

const LOOK_MS = 10_000;
const PROGRAM = `import json, os, sys
print(json.dumps({"executable": os.path.realpath(sys.executable), "version": sys.version.split()[0],
  "prefixes": sorted({os.path.realpath(sys.base_prefix), os.path.realpath(sys.base_exec_prefix)})}))`;
const answer = v.object({ executable: v.string(), version: v.string(), prefixes: v.array(v.string()) });

/** The user's Python without its virtual environment, and the folders that it needs. */
export interface Python {
  executable: string;
  version: string;
  /** Absolute; those within /usr are left out. */
  prefixes: string[];
}

/** `python3` of the PATH. Throws SandboxRefused where there is none, or where it lies so that the home would be seen with it. */
export async function findPython(signal?: AbortSignal): Promise<Python> {
  let output: string;
  try {
    // Not in the workspace: a version manager would go by files in it.
    const options = { cwd: "/", timeout: LOOK_MS, ...(signal ? { signal } : {}) };
    output = (await promisify(execFile)("python3", ["-I", "-c", PROGRAM], options)).stdout;
  } catch (error) {
    signal?.throwIfAborted();
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new SandboxRefused(
      missing
        ? "There is no python3 on the PATH: install Python 3 to run the tests."
        : "python3 on the PATH does not work: run python3 in a terminal to see why.",
    );
  }
  const { executable, version, prefixes } = v.parse(answer, JSON.parse(output));
  const home = await realpath(homedir()).catch(() => homedir());
  const outside = prefixes.filter((prefix) => !isWithin(prefix, "/usr"));
  for (const prefix of outside) {
    if (isWithin(home, prefix) || !/^\/[^:\n]+$/.test(prefix)) {
      throw new SandboxRefused(
        `python3 is installed in ${prefix}, which cannot be shown to a program without what else lies there: use another Python.`,
      );
    }
  }
  return { executable, version, prefixes: outside };
}

/** Whether `path` is `folder` or lies below it. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}
