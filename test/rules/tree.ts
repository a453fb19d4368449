/** The tree as git would keep it: tracked files and new ones that are not ignored. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const root = resolve(__dirname, "../..");

export const files: readonly string[] = execFileSync(
  "git",
  ["ls-files", "--cached", "--others", "--exclude-standard", "-z"],
  { cwd: root, encoding: "utf8", maxBuffer: 64 << 20 },
)
  .split("\0")
  .filter((path) => path !== "" && existsSync(join(root, path)))
  .sort();

export const read = (path: string) => readFileSync(join(root, path), "utf8");

export const under = (folder: string, pattern: RegExp) =>
  files.filter((path) => path.startsWith(folder) && pattern.test(path));
