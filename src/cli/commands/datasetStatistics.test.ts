import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DatasetReport } from "../../protocol/datasetView";
import type { JobMessage } from "../../protocol/job";
import { type CliProcess, runCli } from "../cli";
import { command } from "./datasetStatistics";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dataset-statistics-"));
  writeFileSync(join(folder, "data.jsonl"), rows.join("\n"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const row = (text: string, answer: string) => JSON.stringify({ instruction: text, output: answer });
const rows = [
  row("Write a function that adds.", "def add(a, b):\n    return a + b"),
  row("Explain sums.", "A sum is what adding gives."),
  row("Explain sums.", "A sum is what adding gives."),
  '{"instruction": "x"}',
];

async function run(...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  const process: CliProcess = {
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    cwd: () => folder,
    on: () => {},
    off: () => {},
  };
  const registered = [{ name: command.name, summary: command.summary, load: async () => command }];
  return { code: await runCli(["dataset", "statistics", ...argv], process, registered), ...written };
}

const lastLine = (text: string) => text.trimEnd().split("\n").at(-1)!;

describe("tunesmith dataset statistics", () => {
  it("tells the figures", async () => {
    const { code, stdout } = await run("data.jsonl");
    expect(code).toBe(0);
    expect(stdout).toContain("alpaca: 4 rows, 3 usable.\n");
    expect(stdout).toContain("Repeated: 1 exact, 0 near, 0 with other answers, 0 in the held-out file.\n");
    expect(stdout).toContain("Answers: prose 2, python 1.\n");
    expect(stdout).toContain("missing-field 1");
  });

  it("prints the report as JSON, and results in it as a job", async () => {
    const printed = JSON.parse((await run("data.jsonl", "--format", "json")).stdout) as DatasetReport;
    expect(printed).toMatchObject({ path: join(folder, "data.jsonl"), rows: 4, unit: "characters" });
    const result = JSON.parse(lastLine((await run("data.jsonl", "--progress", "json")).stdout)) as JobMessage;
    expect(result).toEqual({ type: "result", value: printed });
  });

  it("counts tokens with a tokenizer, and takes checks and share as they are told", async () => {
    const model = resolve("models/tiny-python");
    const options = ["--tokenizer", model, "--sequence-length", "16", "--held-out-share", "0"];
    const { stdout } = await run("data.jsonl", "--format", "json", "--check", "missing-field=off", ...options);
    const report = JSON.parse(stdout) as DatasetReport;
    expect(report).toMatchObject({ unit: "tokens", sequenceLength: 16, beyond: 3, usable: 0 });
    expect(report.problems.map(({ check }) => check)).not.toContain("missing-field");
  });

  it("refuses what it does not know", async () => {
    expect(await run("data.jsonl", "--held-out-share", "2")).toMatchObject({ code: 2 });
    const missing = await run("absent.jsonl");
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining("absent.jsonl")]);
  });
});
