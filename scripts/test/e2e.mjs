// Stories of a user, in a browser against a real VS Code with the packaged extension installed.
import { runVitest } from "./vitest.mjs";

export const purposes = ["test"];
export const needs = ["nodeModules", "vsix", "codeServer"];

const config = ["--config", "test/e2e/vitest.config.ts"];

/**
 * A story that fails is told once more from its beginning, in a VS Code of its own, and said to have needed that: VS Code
 * itself now and then loses a click or a page on a busy machine. One that fails twice has failed.
 */
export async function run() {
  const first = await runVitest("e2e", config);
  if (first.failed === 0) return first;
  // An error outside of all stories belongs to none that could be told again.
  if (first.failedFiles.length === 0) return first;
  console.log(`\n--- told once more: ${first.failedFiles.join(", ")}`);
  for (const failure of first.failures) console.log(`failed at first - ${failure}`);
  const again = await runVitest("e2e-again", [...config, ...first.failedFiles]);
  return {
    ...again,
    passed: first.sound.passed + again.passed,
    skipped: first.sound.skipped + again.skipped,
    notes: first.failures.map((failure) => `e2e, told twice: ${failure}`),
  };
}
