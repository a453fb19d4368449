import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { join } from "node:path";
import { hasCode, RunError } from "./runError";

export interface EngineSearch {
  /** The extension's or the repository's root. */
  root: string;
  /** The setting `tunesmith.enginePath`; it alone counts where it is set. */
  configured?: string | null;
  platform?: NodeJS.Platform;
  arch?: string;
}

/** The engine's path; throws one sentence where there is none that can be run. */
export async function findEngine(search: EngineSearch): Promise<string> {
  const { root, configured, platform = process.platform, arch = process.arch } = search;
  if (configured) {
    await requireExecutable(configured, "choose another one in the setting tunesmith.enginePath");
    return configured;
  }
  if (platform !== "linux" || arch !== "x64") {
    throw new RunError(`The training engine runs on Linux x64 only, and this machine is ${platform} ${arch}.`);
  }
  const packaged = join(root, "bin", "linux-x64", "tunesmith-engine");
  const built = join(root, "build", "native", "release", "tunesmith-engine");
  for (const path of [packaged, built]) {
    if (!(await isThere(path))) continue;
    await requireExecutable(path, "install the extension again or make it executable with chmod +x");
    return path;
  }
  throw new RunError(
    `The training engine is missing: there is neither ${packaged} nor ${built}; install the extension again, or build the engine with npm run build.`,
  );
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    return !hasCode(error, "ENOENT", "ENOTDIR");
  }
}

async function requireExecutable(path: string, remedy: string): Promise<void> {
  let isFile = false;
  try {
    isFile = (await stat(path)).isFile();
    await access(path, constants.X_OK);
  } catch (error) {
    const cause = hasCode(error, "ENOENT", "ENOTDIR") ? "does not exist" : "cannot be run: permission denied";
    throw new RunError(`The training engine ${path} ${cause}; ${remedy}.`);
  }
  if (!isFile) throw new RunError(`The training engine ${path} is not a file; ${remedy}.`);
}
