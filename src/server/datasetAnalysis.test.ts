import { describe, expect, it } from "vitest";
import { Severities } from "../dataset/checks/severities";
import { DatasetAnalysis, recognise } from "./datasetAnalysis";
import { collectFindings } from "./findings";
import { JsonlDocument } from "./jsonlDocument";
import { Cancelled } from "./slices";

const GOOD = '{"instruction": "Add", "input": "", "output": "a + b"}';
const never = new AbortController().signal;
const insert = (line: number, character: number, text: string) => {
  const at = { line, character };
  return [{ range: { start: at, end: at }, text }];
};

function open(text: string): { document: JsonlDocument; analysis: DatasetAnalysis } {
  const document = new JsonlDocument("file:///a.jsonl", "jsonl", 1, text);
  return { document, analysis: new DatasetAnalysis(document) };
}

describe("the cost of an edit", () => {
  const rows = 5000;
  const text = Array.from({ length: rows }, () => GOOD).join("\n");

  it("is the lines it touches, not the file's length", async () => {
    const { document, analysis } = open(text);
    await analysis.checkStructure(never);
    expect(analysis.work).toEqual({ parsed: rows, checked: rows, inspected: 0 });

    document.update(insert(4000, 17, "x"), 2);
    await analysis.checkStructure(never);
    expect(analysis.work).toEqual({ parsed: rows + 1, checked: rows + 1, inspected: 0 });

    document.update(insert(3000, 0, `${GOOD}\n${GOOD}\n`), 3);
    await analysis.checkStructure(never);
    expect(analysis.work).toEqual({ parsed: rows + 4, checked: rows + 4, inspected: 0 });

    await analysis.checkStructure(never);
    expect(analysis.work).toEqual({ parsed: rows + 4, checked: rows + 4, inspected: 0 });
  });

  it("is one row more where a row comes into the sample the format is detected by", async () => {
    const { document, analysis } = open(text);
    await analysis.checkStructure(never);
    document.update([{ range: { start: { line: 0, character: 0 }, end: { line: 1, character: 0 } }, text: "" }], 2);
    await analysis.checkStructure(never);
    // The line after the deleted one is made anew, and the 201st row becomes the 200th.
    expect(analysis.work.parsed).toBe(rows + 2);
  });

  it("moves what was found with its line", async () => {
    const { document, analysis } = open(`${GOOD}\n{\n${GOOD}`);
    await analysis.checkStructure(never);
    document.update(insert(0, 0, "\n\n\n"), 2);
    const { parsed } = analysis.work;
    const state = await analysis.checkStructure(never);
    expect(analysis.work.parsed).toBe(parsed + 4);
    expect(collectFindings(analysis, state, null, new Severities()).findings.map(({ line }) => line)).toEqual([
      4, 0, 1, 2,
    ]);
  });
});

describe("a large file", () => {
  const text = Array.from({ length: 60_000 }, () => GOOD).join("\n");

  it("lets other work in between", async () => {
    const { analysis } = open(text);
    const seen: number[] = [];
    const poll = setInterval(() => seen.push(analysis.work.parsed), 0);
    await analysis.checkStructure(never);
    clearInterval(poll);
    const during = seen.filter((parsed) => parsed > 0 && parsed < 60_000);
    expect(during.length).toBeGreaterThan(1);
  });

  it("is given up when it changes, and what was found by then is kept", async () => {
    const { analysis } = open(text);
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 0);
    await expect(analysis.checkStructure(abort.signal)).rejects.toBeInstanceOf(Cancelled);
    const { parsed } = analysis.work;
    expect(parsed).toBeLessThan(60_000);
    await analysis.checkStructure(never);
    expect(analysis.work.parsed).toBe(60_000);
  });
});

describe("recognition", () => {
  const many = (count: number, row: Record<string, unknown>) => Array.from({ length: count }, () => row);
  const whole = { instruction: "a", output: "b" };

  it.each<[string, Record<string, unknown>[], string | null, string | null]>([
    ["no rows", [], null, null],
    ["strange rows", many(5, { a: 1 }), null, null],
    ["a small file of incomplete rows", many(20, { instruction: "a" }), "alpaca", null],
    ["a larger file of incomplete rows", many(21, { instruction: "a" }), null, "alpaca"],
    ["a larger file with one whole row among incomplete ones", [...many(30, { output: "a" }), whole], "alpaca", null],
    ["one row in ten", [...many(27, { a: 1 }), ...many(3, whole)], "alpaca", null],
    ["fewer than one row in ten", [...many(28, { a: 1 }), ...many(2, whole)], null, "alpaca"],
  ])("%s", (_, sample, format, resembles) => {
    const result = recognise(sample);
    expect([result.dialect?.format.id ?? null, result.resembles?.id ?? null]).toEqual([format, resembles]);
  });
});

it("takes hostile rows", async () => {
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  const long = `{"instruction": "${"x".repeat(5_000_000)}", "output": 1}`;
  const { analysis } = open([deep, long, '{"__proto__": {"instruction": "a"}}', "\u0000", GOOD].join("\n"));
  const state = await analysis.checkStructure(never);
  expect(state.rows).toBe(5);
  expect(
    collectFindings(analysis, state, null, new Severities()).findings.map(({ line, finding }) => [
      line,
      finding.offset,
      finding.check,
    ]),
  ).toEqual([
    [0, 0, "not-an-object"],
    [1, long.length - 2, "wrong-type"],
    [2, 0, "unknown-format"],
    [3, 0, "json-syntax"],
  ]);
});
