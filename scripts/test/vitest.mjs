// Runs vitest with its report in a file and counts from it.
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { root, runShown } from "../setup/process.mjs";

/** Counts, what failed in words, and the files that hold it. */
export async function runVitest(name, args) {
  const report = join(root, "test-results", `${name}.json`);
  mkdirSync(dirname(report), { recursive: true });
  rmSync(report, { force: true });
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const code = await runShown(process.execPath, [
    vitest,
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...args,
  ]);
  if (!existsSync(report)) throw new Error(`vitest ended with ${code} and wrote no report.`);
  return readReport(JSON.parse(readFileSync(report, "utf8")), code);
}

/** A file that fails before its first test counts as one failure, as does an error outside of all tests. */
export function readReport(report, code) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const failures = [];
  const failedFiles = [];
  /** Of the files in which nothing failed. */
  const sound = { passed: 0, skipped: 0 };
  for (const file of report.testResults) {
    const path = relative(root, file.name);
    const failed = file.assertionResults.filter(({ status }) => status === "failed");
    const passed = file.assertionResults.filter(({ status }) => status === "passed").length;
    counts.passed += passed;
    counts.failed += failed.length;
    const skipped = file.assertionResults.length - failed.length - passed;
    counts.skipped += skipped;
    for (const { fullName, failureMessages } of failed) failures.push(inWords(path, fullName, failureMessages?.[0]));
    if (file.status === "failed" && failed.length === 0) {
      counts.failed++;
      failures.push(inWords(path, "before its first test", file.message));
    }
    if (file.status === "failed") failedFiles.push(path);
    else {
      sound.passed += passed;
      sound.skipped += skipped;
    }
  }
  if (code !== 0 && counts.failed === 0) {
    counts.failed = 1;
    failures.push("an error outside of all tests");
  }
  return { ...counts, failures, failedFiles, sound };
}

const inWords = (path, test, message = "") => `${path} > ${test}: ${message.split("\n", 1)[0]}`;
