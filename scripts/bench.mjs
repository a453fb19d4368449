// Runs a benchmark of bench/, or the engine's own, after its set-up. Usage: node scripts/bench.mjs NAME [arguments]
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { nativeFolder } from "./setup/native.mjs";
import { root, runLogged, runShown, SetupError } from "./setup/process.mjs";
import { ensure } from "./setup.mjs";

const NATIVE = "native";

const [name, ...args] = process.argv.slice(2);
const sources = readdirSync(join(root, "bench")).filter((file) => file.endsWith(".ts"));
const names = [NATIVE, ...sources.map((file) => file.slice(0, -".ts".length))];
if (!names.includes(name)) {
  console.error(`Name a benchmark: ${names.join(", ")}.`);
  process.exit(2);
}

async function bundled() {
  const bundle = join(root, "build", "bench", `${name}.cjs`);
  const flags = ["--bundle", "--platform=node", "--packages=external", `--outfile=${bundle}`];
  const esbuild = join(root, "node_modules", ".bin", "esbuild");
  await runLogged(`bench-${name}`, esbuild, [join(root, "bench", `${name}.ts`), ...flags]);
  return [process.execPath, [bundle, ...args]];
}

const engine = () => [join(nativeFolder("release"), "tunesmith-bench"), [join(root, "models", "tiny-python"), ...args]];

try {
  await ensure({ build: true });
  const [command, parameters] = name === NATIVE ? engine() : await bundled();
  process.exitCode = await runShown(command, parameters);
} catch (error) {
  console.error(error instanceof SetupError ? error.message : error);
  process.exit(1);
}
