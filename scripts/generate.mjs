// Writes what is made from the sources: the checks' pages and their settings. Usage: node scripts/generate.mjs
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { root } from "./setup/process.mjs";

const outfile = join(root, "build", "generate", "generate.mjs");
mkdirSync(join(root, "build", "generate"), { recursive: true });
await build({
  entryPoints: [join(root, "scripts", "generate", "generate.ts")],
  bundle: true,
  platform: "node",
  format: "esm",
  outfile,
  logLevel: "warning",
});
const { writeGenerated } = await import(pathToFileURL(outfile).href);
rmSync(outfile);
writeGenerated(root);
