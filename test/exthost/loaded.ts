/** What this process, the extension host, has loaded and started. */
import { readdirSync, readFileSync } from "node:fs";

const HEAVY = /onnxruntime|tokenizers/;

/** Modules and shared libraries of onnxruntime and tokenizers in this process. */
export function heavyParts(): string[] {
  const modules = Object.keys(require.cache).filter((path) => HEAVY.test(path));
  const mapped = readFileSync("/proc/self/maps", "utf8")
    .split("\n")
    .map((line) => line.slice(line.indexOf("/")))
    .filter((path) => path.startsWith("/") && HEAVY.test(path) && /\.(so|node)/.test(path));
  return [...new Set([...modules, ...mapped])];
}

export const isLoaded = (file: string) => Object.keys(require.cache).some((path) => path.endsWith(`/dist/${file}`));

/** Command lines of this process's children. */
export function children(): string[] {
  const found: string[] = [];
  for (const task of readdirSync("/proc/self/task")) {
    const list = readFileSync(`/proc/self/task/${task}/children`, "utf8").trim();
    for (const pid of list === "" ? [] : list.split(" ")) {
      try {
        found.push(readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim());
      } catch {
        // It has ended meanwhile.
      }
    }
  }
  return found;
}
