import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The extension's or the repository's root: the folder above this code whose package.json is Tunesmith's. */
export function packageRoot(from: string = __dirname): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest) && nameIn(manifest) === "tunesmith") return folder;
    if (folder === dirname(folder)) throw new Error(`Tunesmith's own folder was not found above ${from}.`);
  }
}

function nameIn(manifest: string): unknown {
  try {
    return JSON.parse(readFileSync(manifest, "utf8")).name;
  } catch {
    return undefined;
  }
}
