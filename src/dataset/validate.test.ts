import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { problemColumn } from "./locate";
import { validateFile } from "./validate";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "validate-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

it("places each problem of each row", async () => {
  const path = join(folder, "data.jsonl");
  const lines = [
    '{"instruction": "a", "output": "b"}',
    "",
    '  {"instruction": "", "output": 3}',
    '{"instruction": "é😀", "output": }',
    '{"instruction": "a"}',
    "[]",
  ];
  writeFileSync(path, Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n`), Buffer.from([0xff, 0x0a])]));
  const found: [number, number, string][] = [];
  const validation = await validateFile(path, "auto", ({ row, column, reason }) => found.push([row, column, reason]));
  expect(found).toEqual([
    [3, 19, "empty-instruction"],
    [3, 33, "wrong-type"],
    [4, 34, "invalid-json"],
    [5, 1, "missing-field"],
    [6, 1, "not-an-object"],
    [7, 1, "invalid-json"],
  ]);
  expect(validation).toEqual({
    path,
    format: "alpaca",
    rows: 6,
    usable: 1,
    problems: 6,
    byReason: { "empty-instruction": 1, "wrong-type": 1, "invalid-json": 2, "missing-field": 1, "not-an-object": 1 },
    isArray: false,
  });
});

it("finds the value that a path means", () => {
  const text = '{"messages": [{"role": "user", "content": 1}, {"role": "x"}]}';
  const at = (path: (string | number)[]) => text.slice(problemColumn(text, { reason: "wrong-type", path }) - 1);
  expect(at(["messages", 0, "content"])).toMatch(/^1}/);
  expect(at(["messages", 1, "role"])).toMatch(/^"x"/);
  expect(at(["messages", 1])).toMatch(/^{"role": "x"/);
});
