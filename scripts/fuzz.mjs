// Random edits against the incremental analysis, as many as are asked for. Usage: node scripts/fuzz.mjs [CASES] [SEED]
import { join } from "node:path";
import { root, runLogged, runShown } from "./setup/process.mjs";
import { ensure } from "./setup.mjs";

await ensure({ build: true });
const bundle = join(root, "build", "fuzz", "main.cjs");
const flags = ["--bundle", "--platform=node", "--packages=external", `--outfile=${bundle}`];
await runLogged("fuzz", join(root, "node_modules", ".bin", "esbuild"), [
  join(root, "test", "fuzz", "main.ts"),
  ...flags,
]);
process.exitCode = await runShown(process.execPath, [bundle, ...process.argv.slice(2)]);
