// Builds native/ through its CMake presets into build/native/<preset>.
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { announce, root, runLogged } from "./process.mjs";

const source = join(root, "native");

export const nativeFolder = (preset) => join(root, "build", "native", preset);
export const enginePath = join(nativeFolder("release"), "tunesmith-engine");

/** Ninja sees what changed, so this is called every time. */
export async function buildNative(preset) {
  const folder = nativeFolder(preset);
  const fresh = !existsSync(join(folder, "CMakeCache.txt"));
  const work = async () => {
    const log = `native-${preset}`;
    if (fresh) await runLogged(log, "cmake", ["--preset", preset], { cwd: source });
    const args = ["--build", folder, "--parallel", String(availableParallelism())];
    await runLogged(log, "cmake", args, { cwd: source, append: fresh });
  };
  await announce(`build the native engine (${preset})`, work);
}
