// Lint, format and types. Each check counts as one test.
import { join } from "node:path";
import { root, runShown } from "../setup/process.mjs";

export const purposes = [];
export const needs = ["nodeModules"];

const tool = (...path) => join(root, "node_modules", ...path);
const checks = [
  {
    name: "lint and format (biome)",
    args: [tool("@biomejs", "biome", "bin", "biome"), "check", "--error-on-warnings"],
  },
  { name: "types", args: [tool("typescript", "bin", "tsc"), "-p", "."] },
  { name: "types of the webviews", args: [tool("typescript", "bin", "tsc"), "-p", "webview"] },
];

export async function run() {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, args } of checks) {
    const ok = (await runShown(process.execPath, args)) === 0;
    console.log(`${ok ? "ok" : "not ok"} - ${name}`);
    counts[ok ? "passed" : "failed"]++;
  }
  return counts;
}
