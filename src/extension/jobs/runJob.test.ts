import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { JobCancelled, runJob } from "./runJob";

/** Jobs are run against a small program in the CLI's place. */
let extensionPath: string;
beforeEach(() => {
  extensionPath = mkdtempSync(join(tmpdir(), "tunesmith-job-"));
  mkdirSync(join(extensionPath, "dist"));
});
afterEach(() => rmSync(extensionPath, { recursive: true, force: true }));

const program = (source: string) => writeFileSync(join(extensionPath, "dist", "cli.js"), source);
const say = (value: unknown) => `console.log(${JSON.stringify(JSON.stringify(value))});`;

it("reports progress and problems, and resolves with the result", async () => {
  const seen: unknown[] = [];
  program(
    say({ type: "progress", stage: "Checking", fraction: 0.5 }) +
      "console.log('noise');" +
      say({ type: "problem", file: "/a.jsonl", row: 2, check: "json-syntax", message: "No." }) +
      "console.log(JSON.stringify({type: 'result', value: process.argv.slice(2)}));",
  );
  const value = await runJob({
    extensionPath,
    args: ["validate", "/a b.jsonl"],
    onProgress: (stage, fraction) => seen.push([stage, fraction]),
    onProblem: (problem) => seen.push(problem.row),
  });
  expect(value).toEqual(["validate", "/a b.jsonl", "--progress", "json"]);
  expect(seen).toEqual([["Checking", 0.5], 2]);
});

it("hands on pieces of the result as they come", async () => {
  const pieces: unknown[] = [];
  program(
    say({ type: "partial", value: "a" }) + say({ type: "partial", value: "b" }) + say({ type: "result", value: "ab" }),
  );
  const value = await runJob({ extensionPath, args: ["ask"], onPartial: (piece) => pieces.push(piece) });
  expect([pieces, value]).toEqual([["a", "b"], "ab"]);
});

it("hands on variables, and the details of progress", async () => {
  const details: unknown[] = [];
  program(
    say({ type: "progress", stage: "Downloading", fraction: 0.5, detail: "1 of 2 GB" }) +
      "console.log(JSON.stringify({type: 'result', value: process.env.TUNESMITH_TEST_SECRET}));",
  );
  const value = await runJob({
    extensionPath,
    args: ["model", "download"],
    environment: { TUNESMITH_TEST_SECRET: "s" },
    onProgress: (_stage, _fraction, detail) => details.push(detail),
  });
  expect(value).toBe("s");
  expect(details).toEqual(["1 of 2 GB"]);
});

it("takes a result over a bad exit code: a data set without a usable row has both", async () => {
  program(`${say({ type: "result", value: { usable: 0 } })} process.exitCode = 1;`);
  expect(await runJob({ extensionPath, args: ["validate"] })).toEqual({ usable: 0 });
});

it("throws the job's own sentence", async () => {
  program(`${say({ type: "error", message: "/a.jsonl is empty." })} process.exitCode = 1;`);
  await expect(runJob({ extensionPath, args: ["prepare"] })).rejects.toThrow("/a.jsonl is empty.");
});

it("throws the last words of a job that ended without one", async () => {
  program("console.error('first'); console.error('Out of memory'); process.exitCode = 134;");
  await expect(runJob({ extensionPath, args: ["prepare"] })).rejects.toThrow("Out of memory");
  program("process.exitCode = 3;");
  await expect(runJob({ extensionPath, args: ["prepare"] })).rejects.toThrow("prepare ended with exit code 3");
});

it("ends the process when it is cancelled", async () => {
  program(`${say({ type: "progress", stage: "Waiting", fraction: null })} setInterval(() => {}, 1000);`);
  const abort = new AbortController();
  const job = runJob({ extensionPath, args: ["export"], signal: abort.signal, onProgress: () => abort.abort() });
  await expect(job).rejects.toBeInstanceOf(JobCancelled);
  await expect(runJob({ extensionPath, args: ["export"], signal: abort.signal })).rejects.toBeInstanceOf(JobCancelled);
});
