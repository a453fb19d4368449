// Bundles the sources into dist/. Usage: node scripts/build.mjs [--production]
import { cpSync, mkdirSync } from "node:fs";
import { build } from "esbuild";

const production = process.argv.includes("--production");
const shared = { bundle: true, sourcemap: !production, minify: production, logLevel: "warning" };
const node = {
  ...shared,
  platform: "node",
  target: "node20",
  format: "cjs",
  // Native modules stay beside the bundle; `vscode` is the host's.
  external: ["vscode", "onnxruntime-node", "tokenizers"],
};

await Promise.all([
  // The language client is a chunk of its own, loaded when a data set is opened: activation stays small.
  build({ ...node, entryPoints: { extension: "src/extension/extension.ts", "language-client": "src/extension/languageClient.ts" }, outdir: "dist" , external: [...node.external, "./language-client.js"]}),
  build({ ...node, entryPoints: { server: "src/server/main.ts", "completion-worker": "src/completion-worker/main.ts" }, outdir: "dist" }),
  build({ ...node, entryPoints: { cli: "src/cli/main.ts" }, outdir: "dist", banner: { js: "#!/usr/bin/env node" } }),
  build({
    ...shared,
    platform: "browser",
    target: "es2022",
    format: "iife",
    entryPoints: { "run-panel": "webview/run-panel/main.ts", now: "webview/now/main.ts" },
    outdir: "dist/webview",
    loader: { ".ttf": "file" },
  }),
]);
mkdirSync("dist/webview", { recursive: true });
cpSync("node_modules/@vscode/codicons/dist/codicon.css", "dist/webview/codicon.css");
cpSync("node_modules/@vscode/codicons/dist/codicon.ttf", "dist/webview/codicon.ttf");
