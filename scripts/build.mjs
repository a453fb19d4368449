// Bundles the sources. Usage: node scripts/build.mjs [--production] [--outdir dist] [--metafile FILE]
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const { values: options } = parseArgs({
  options: {
    production: { type: "boolean", default: false },
    outdir: { type: "string", default: "dist" },
    /** Where to write which files went into the bundles; the licence notices are made from it. */
    metafile: { type: "string" },
  },
});
const production = options.production;
const outdir = options.outdir;
const shared = { bundle: true, sourcemap: !production, minify: production, metafile: true, logLevel: "warning" };
const node = {
  ...shared,
  platform: "node",
  target: "node20",
  format: "cjs",
  // Native modules stay beside the bundle; `vscode` is the host's.
  external: ["vscode", "onnxruntime-node", "tokenizers"],
};

const results = await Promise.all([
  // The language client is a chunk of its own, loaded when a data set is opened: activation stays small.
  build({
    ...node,
    entryPoints: { extension: "src/extension/extension.ts", "language-client": "src/extension/languageClient.ts" },
    outdir,
    external: [...node.external, "./language-client.js"],
  }),
  build({
    ...node,
    entryPoints: { server: "src/server/main.ts", "completion-worker": "src/completion-worker/main.ts" },
    outdir,
  }),
  build({ ...node, entryPoints: { cli: "src/cli/main.ts" }, outdir, banner: { js: "#!/usr/bin/env node" } }),
  build({
    ...shared,
    platform: "browser",
    target: "es2022",
    format: "iife",
    entryPoints: {
      "run-panel": "webview/run-panel/main.ts",
      "dataset-view": "webview/dataset-view/main.ts",
      compare: "webview/compare/main.ts",
      now: "webview/now/main.ts",
    },
    outdir: join(outdir, "webview"),
    loader: { ".ttf": "file" },
  }),
]);
// Ruff's parser reads its WebAssembly from beside the bundle.
cpSync(join("node_modules", "@astral-sh", "ruff-wasm-nodejs", "ruff_wasm_bg.wasm"), join(outdir, "ruff_wasm_bg.wasm"));
const icons = join("node_modules", "@vscode", "codicons", "dist");
mkdirSync(join(outdir, "webview"), { recursive: true });
cpSync(join(icons, "codicon.css"), join(outdir, "webview", "codicon.css"));
cpSync(join(icons, "codicon.ttf"), join(outdir, "webview", "codicon.ttf"));
// They stand inside their pages (src/extension/panels/webviewHtml.ts), where these would end them or hide their end.
for (const file of Object.keys(results.at(-1).metafile.outputs)) {
  const tag = file.endsWith(".map") ? null : readFileSync(file, "utf8").match(/<\/?(script|style)\b/i);
  if (tag !== null) throw new Error(`${file} has ${tag[0]} in it and cannot stand in a page: write it in two parts.`);
}
if (options.metafile !== undefined) {
  const inputs = results.flatMap((result) => Object.keys(result.metafile.inputs));
  writeFileSync(options.metafile, `${JSON.stringify([...new Set(inputs)].sort(), null, 1)}\n`);
}
