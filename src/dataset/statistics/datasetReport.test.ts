import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Severities } from "../checks/severities";
import { LineSplitter } from "../lines";
import { TokenCheck } from "../scan/tokenStage";
import { loadTokenizer } from "../tokenizer";
import { datasetReport, type ReportOptions } from "./datasetReport";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dataset-report-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const split = { fraction: 0.2, by: "auto", seed: 0 } as const;
function report(lines: readonly string[], options: Partial<ReportOptions> = {}) {
  const path = join(folder, "data.jsonl");
  writeFileSync(path, lines.join("\n"));
  return datasetReport(path, { split, ...options });
}
const row = (number: number, rest = {}) =>
  JSON.stringify({
    instruction: `Write a function that adds ${number} to a number.`,
    output: `def add(n):\n    return n + ${number}`,
    ...rest,
  });
const rows = (count: number) => Array.from({ length: count }, (_, index) => row(index * 7919));

describe("the report of a data set", () => {
  it("counts rows, problems and what the answers are", async () => {
    const found = await report([row(1), row(1), "{,}", '{"instruction": "x"}', row(3, { output: "See ana@b.org." })]);
    expect(found).toMatchObject({
      format: "alpaca",
      rows: 5,
      usable: 3,
      checks: "all",
      unit: "characters",
      sequenceLength: null,
      beyond: null,
      languages: [
        { name: "python", rows: 2 },
        { name: "prose", rows: 1 },
      ],
      tasks: [{ name: "write", rows: 3 }],
      duplicates: { exact: 1, leaked: 0 },
      heldOutFile: null,
    });
    expect(found.problems).toContainEqual({
      check: "json-syntax",
      title: "Invalid JSON",
      severity: "error",
      problems: 1,
      rows: 1,
    });
    expect(found.length).toMatchObject({ rows: 3 });
    const { size, mtimeMs } = statSync(found.path);
    expect([found.bytes, found.modified]).toEqual([size, mtimeMs]);
    expect(JSON.parse(JSON.stringify(found))).toEqual(found);
  });

  it("has rows that can be read by their places, with what was found in them", async () => {
    const lines = [`\ufeff${row(1)}`, "", row(1), "{,}", `${row(2)}\r`, "é".repeat(40), ...rows(5000), row(4)];
    const found = await report(lines);
    expect(found.sample.length).toBeGreaterThan(1000);
    expect(found.sample.length).toBeLessThan(2300);
    const bytes = readFileSync(found.path);
    for (const { row: number, offset, skip } of found.sample.filter((_, index) => index < 20 || index % 97 === 0)) {
      const splitter = new LineSplitter();
      const from = [...splitter.push(bytes.subarray(offset)), splitter.end()];
      expect(from[skip]?.text).toBe(lines[number - 1]!.replace("\ufeff", "").replace("\r", ""));
    }
    const of = (number: number) => found.sample.find((sampled) => sampled.row === number);
    expect(of(1)).toMatchObject({
      title: "Write a function that adds 1 to a number.",
      length: 69,
      language: "python",
      task: "write",
    });
    expect(of(4)).toMatchObject({ title: "{,}", length: null, language: null, heldOut: null });
    expect(of(3)!.problems).toContainEqual({ check: "duplicate-row", message: expect.stringContaining("1") });
    expect(of(2)!.problems.map(({ check }) => check)).toEqual(["blank-line"]);
  });

  it("counts tokens, and the rows that a sequence does not hold", async () => {
    const tokenizer = await loadTokenizer("models/tiny-python");
    const stage = new TokenCheck(tokenizer, { sequenceLength: 128, template: "auto" });
    const long = row(5, { output: "value = 1\n".repeat(100) });
    const found = await report([row(1), long, row(2)], { tokens: { stage, sequenceLength: 128 } });
    expect(found).toMatchObject({ unit: "tokens", sequenceLength: 128, beyond: 1, usable: 2, rows: 3 });
    const sampled = found.sample.map(({ length, heldOut }) => [length! > 128, heldOut === null]);
    expect(sampled).toEqual([
      [false, false],
      [true, true],
      [false, false],
    ]);
    expect(found.length.total).toBe(found.sample.reduce((sum, { length }) => sum + length!, 0));
    expect(found.split).toEqual({ train: 1, heldOut: 1 });
  });

  it("splits the rows as a run would, by source where there are several", async () => {
    const sources = Array.from({ length: 60 }, (_, index) => row(index * 31, { source: `file ${index % 10}` }));
    const found = await report(sources);
    const { train, heldOut } = found.split!;
    expect([train + heldOut, heldOut]).toEqual([60, 12]);
    const held = found.sample.filter((sampled) => sampled.heldOut).map(({ row: number }) => (number - 1) % 10);
    expect(new Set(held).size).toBe(2);
    expect(held).toHaveLength(12);
  });

  it("takes the held-out rows from the file that holds them, and finds its rows here", async () => {
    const heldOut = join(folder, "eval.jsonl");
    writeFileSync(heldOut, [row(1), row(999), "{,}"].join("\n"));
    const found = await report([row(1), row(2)], { heldOut });
    expect(found).toMatchObject({ split: { train: 2, heldOut: 2 }, heldOutFile: heldOut, duplicates: { leaked: 1 } });
  });

  it("leaves out the checks that are off, and shows severities as they are set", async () => {
    const severities = new Severities({ "json-syntax": "off", "missing-field": "information" });
    const found = await report([row(1), "{,}", '{"instruction": "x"}'], { severities });
    expect(found.problems.map(({ check, severity }) => [check, severity])).toEqual([["missing-field", "information"]]);
  });

  it("is made of files without rows and without a format too", async () => {
    expect(await report([])).toMatchObject({ rows: 0, format: null, split: { train: 0, heldOut: 0 } });
    const log = await report(['{"level": 3}', '{"level": 4}']);
    expect(log).toMatchObject({ rows: 2, usable: 0, format: null, length: { rows: 0, histogram: [] } });
    expect(log.sample).toHaveLength(2);
  });

  it("does not say of rows that were not compared that they repeat nothing", async () => {
    const found = await report([row(1), row(1, { note: "x" })], { scope: "structure" });
    expect(found).toMatchObject({
      checks: "structure",
      duplicates: { exact: 1, near: null, conflicting: null, leaked: 0 },
      notCompared: 0,
    });
  });

  it("ends when it is cancelled", async () => {
    await expect(report([row(1)], { signal: AbortSignal.abort() })).rejects.toThrow();
  });
});
