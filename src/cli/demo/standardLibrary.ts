import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { RunError } from "../../run/runError";

/** Where distributions keep the interpreter's own modules; packages that were installed later lie elsewhere. */
const PARENTS = ["/usr/lib", "/usr/lib64", "/usr/local/lib"];

/** The folder of the newest Python's standard library on this machine. */
export async function findStandardLibrary(parents: readonly string[] = PARENTS): Promise<string> {
  const found: { folder: string; minor: number }[] = [];
  for (const parent of parents) {
    for (const name of await readdir(parent).catch(() => [])) {
      const minor = /^python3\.(\d+)$/.exec(name)?.[1];
      const folder = join(parent, name);
      if (minor !== undefined && existsSync(join(folder, "argparse.py"))) found.push({ folder, minor: Number(minor) });
    }
  }
  const newest = found.sort((a, b) => b.minor - a.minor)[0];
  if (newest !== undefined) return newest.folder;
  throw new RunError(
    `There is no Python standard library in ${parents.join(", ")}: install the package libpython3-stdlib, or give a data set of your own with --data FILE.jsonl.`,
  );
}
