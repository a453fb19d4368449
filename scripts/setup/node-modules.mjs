// npm ci, run only when node_modules is not what the lock file says.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { announce, root, runLogged } from "./process.mjs";

/** npm records what it installed in node_modules/.package-lock.json; optional packages may be of other platforms. */
export function nodeModulesAreCurrent(folder = root) {
  const installedPath = join(folder, "node_modules", ".package-lock.json");
  if (!existsSync(installedPath)) return false;
  try {
    const locked = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")).packages;
    const installed = JSON.parse(readFileSync(installedPath, "utf8")).packages;
    return Object.entries(locked).every(
      ([path, entry]) =>
        path === "" ||
        entry.optional ||
        entry.devOptional ||
        (installed[path]?.version === entry.version && existsSync(join(folder, path))),
    );
  } catch {
    return false;
  }
}

export async function installNodeModules() {
  if (nodeModulesAreCurrent()) return;
  await announce("install node modules (npm ci)", () =>
    // Without the variable, onnxruntime-node's install script would fetch CUDA providers.
    runLogged("npm-ci", "npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
      env: { ONNXRUNTIME_NODE_INSTALL: "skip" },
    }),
  );
}
