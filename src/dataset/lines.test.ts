import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Line, LineReader } from "./lines";
import { parseLine } from "./rows";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lines-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function read(content: string | Buffer, longestLine?: number): Promise<Line[]> {
  const path = join(folder, "file.jsonl");
  writeFileSync(path, content);
  const reader = new LineReader(path, longestLine);
  const lines: Line[] = [];
  for await (const batch of reader.batches()) lines.push(...batch);
  expect(reader.bytes).toBe(Buffer.byteLength(content));
  expect(reader.sha256()).toBe(createHash("sha256").update(content).digest("hex"));
  return lines;
}

const texts = (lines: Line[]) => lines.map(({ text }) => text);

describe("lines of a file", () => {
  it.each([
    ["", []],
    ["a", ["a"]],
    ["a\n", ["a"]],
    ["a\r\nb\r\n", ["a", "b"]],
    ["\n\na", ["", "", "a"]],
    ["\ufeff{}\n\ufeff", ["{}", "\ufeff"]],
    ["a\u2028b\u0085c", ["a\u2028b\u0085c"]],
  ])("%j", async (content, expected) => {
    expect(texts(await read(content))).toEqual(expected);
  });

  it("are numbered from 1 and survive any chunk border", async () => {
    const unit = `${"é😀".repeat(300_000)}\n`;
    const lines = await read(unit.repeat(3));
    expect(lines.map(({ number }) => number)).toEqual([1, 2, 3]);
    for (const { text } of lines) expect(text === unit.slice(0, -1)).toBe(true);
  });

  it("are what split gives, for any text", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: fc.constantFrom("a", "\n", "é", " ", "\t") }), async (content) => {
        const expected = content.split("\n");
        if (expected.at(-1) === "") expected.pop();
        expect(texts(await read(content))).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });

  it("have a fault where they are not UTF-8 or too long, and the next is fine", async () => {
    const lines = await read(Buffer.concat([Buffer.from('{"a": "\xff"}\n', "latin1"), Buffer.from("{}\n")]));
    expect(lines.map(({ fault }) => fault)).toEqual(["not-utf8", null]);
    const long = await read(`${"x".repeat(3_000_000)}\n{}\n`, 1_000_000);
    expect(long.map(({ fault }) => fault)).toEqual(["too-long", null]);
    expect(parseLine(lines[0]!)?.problem).toMatchObject({ reason: "invalid-json" });
    expect(parseLine(long[0]!)?.problem).toMatchObject({ reason: "over-length" });
  });
});

describe("parsing a line", () => {
  const parse = (text: string) => parseLine({ number: 1, text, fault: null });
  it("skips blank lines, and only those", () => {
    expect(parse(" \t\r")).toBeNull();
    expect(parse("\u00a0")?.problem).toMatchObject({ reason: "invalid-json" });
  });
  it("says what is wrong in one sentence", () => {
    expect(parse('{"a": 1,}')?.problem?.message).toMatch(/comma.*\.$/);
    expect(parse('{"a": 1}')).toEqual({ value: { a: 1 }, problem: null });
  });
});
