import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The extension's or the repository's root: the folder with package.json above this file, bundled or not. */
export function installRoot(): string {
  let folder = __dirname;
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    if (parent === folder)
      throw new Error(`Tunesmith is not installed whole: there is no package.json above ${__dirname}.`);
    folder = parent;
  }
  return folder;
}
