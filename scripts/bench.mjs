// Runs a benchmark of bench/ as a bundle, after its own set-up. Usage: node scripts/bench.mjs NAME [arguments]
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { root, runLogged, runShown, SetupError } from "./setup/process.mjs";
import { ensure } from "./setup.mjs";

const [name, ...args] = process.argv.slice(2);
const source = join(root, "bench", `${name}.ts`);
if (name === undefined || !existsSync(source)) {
  const names = readdirSync(join(root, "bench"))
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.slice(0, -".ts".length));
  console.error(`Name a benchmark of bench/: ${names.join(", ")}.`);
  process.exit(2);
}
try {
  await ensure({ build: true });
  const bundle = join(root, "build", "bench", `${name}.cjs`);
  const flags = ["--bundle", "--platform=node", "--packages=external", `--outfile=${bundle}`];
  await runLogged(`bench-${name}`, join(root, "node_modules", ".bin", "esbuild"), [source, ...flags]);
  process.exitCode = await runShown(process.execPath, [bundle, ...args]);
} catch (error) {
  console.error(error instanceof SetupError ? error.message : error);
  process.exit(1);
}
