// Tests inside the extension host of a real VS Code, on the folder that was packaged.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../setup/process.mjs";

export const purposes = ["test"];
export const needs = ["nodeModules", "vsix", "codeServer"];

/** Each runs in a VS Code of its own. */
const modules = [
  { name: "trusted", workspaceTrust: false },
  { name: "untrusted", workspaceTrust: true },
  { name: "completionContext", workspaceTrust: false },
  { name: "completionProvider", workspaceTrust: false },
];

export async function run() {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const module of modules) {
    console.log(`--- ${module.name} workspace`);
    for (const result of await runModule(module)) {
      const note = result.note === undefined ? "" : ` (${result.note})`;
      console.log(`${result.error === undefined ? "ok" : "not ok"} - ${result.name}${note}`);
      if (result.error !== undefined) console.error(`  ${result.error.replaceAll("\n", "\n  ")}`);
      total[result.error === undefined ? "passed" : "failed"]++;
    }
  }
  return total;
}

async function runModule({ name, workspaceTrust }) {
  // Installed only by the set-up that has run by now.
  const { build } = await import("esbuild");
  const { startCodeServer } = await import("../vscode/launch.mjs");
  const { runExtensionTests } = await import("../vscode/extension-tests.mjs");
  const { writeSampleWorkspace } = await import("../vscode/sample-workspace.mjs");

  const folder = mkdtempSync(join(tmpdir(), "tunesmith-exthost-"));
  const results = join(folder, "results.json");
  const tests = join(folder, "tests.js");
  const screenshots = join(root, "test-results", "exthost");
  mkdirSync(screenshots, { recursive: true });
  await build({
    entryPoints: [join(root, "test", "exthost", `${name}.ts`)],
    outfile: tests,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    external: ["vscode"],
    define: { RESULTS_FILE: JSON.stringify(results) },
    logLevel: "warning",
  });
  const workspace = join(folder, "workspace");
  writeSampleWorkspace(workspace);
  const server = await startCodeServer({
    state: join(folder, "state"),
    workspaceTrust,
    settings: workspaceTrust ? { "security.workspace.trust.startupPrompt": "never" } : {},
  });
  try {
    await runExtensionTests({
      url: server.url,
      workspace,
      extension: join(root, "build", "package"),
      tests,
      timeoutMs: 180_000,
      screenshot: join(screenshots, `${name}.png`),
    });
    return JSON.parse(readFileSync(results, "utf8"));
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
