import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Line, LineReader, LineSplitter } from "./lines";
import { parseLine } from "./rows";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lines-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function read(content: string | Buffer, longestLine?: number): Promise<Line[]> {
  const path = join(folder, "file.jsonl");
  writeFileSync(path, content);
  const reader = new LineReader(path, longestLine === undefined ? {} : { longestLine });
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
    ["a\rb\r", ["a", "b"]],
    ["\r\r\n\n\r", ["", "", "", ""]],
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
      fc.asyncProperty(fc.string({ unit: fc.constantFrom("a", "\n", "\r", "é", " ", "\t") }), async (content) => {
        const expected = content.split(/\r\n|\r|\n/);
        if (expected.at(-1) === "") expected.pop();
        expect(texts(await read(content))).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });

  it("say where they stop being UTF-8, and the next is fine", async () => {
    const bytes = [Buffer.from('{"é\ufffd😀": "'), Buffer.from([0xff, 0xc3]), Buffer.from('"}\n{}\n')];
    const lines = await read(Buffer.concat(bytes));
    expect(texts(lines)).toEqual(['{"é\ufffd😀": "\ufffd\ufffd"}', "{}"]);
    expect(lines.map(({ invalidAt }) => invalidAt)).toEqual([10, null]);
    expect(parseLine(lines[0]!)?.problem).toMatchObject({ check: "invalid-utf8" });
  });

  it("have no text where they are too long, and the next is fine", async () => {
    const long = await read(`${"x".repeat(3_000_000)}\n{}\n`, 1_000_000);
    expect(texts(long)).toEqual([null, "{}"]);
    expect(parseLine(long[0]!)?.problem).toMatchObject({ check: "line-too-long" });
  });

  it("are the same however the bytes are cut into chunks", () => {
    const piece = fc.constantFrom("a", "é", "😀", "\n", "\r", "\r\n", "\ufeff");
    fc.assert(
      fc.property(fc.array(piece), fc.array(fc.nat(4)), (pieces, cuts) => {
        const bytes = Buffer.from(pieces.join(""));
        const whole = new LineSplitter();
        const expected = [...whole.push(bytes), whole.end()].filter((line) => line !== null);
        const splitter = new LineSplitter();
        const lines: Line[] = [];
        let at = 0;
        for (const length of [...cuts, bytes.length]) {
          lines.push(...splitter.push(bytes.subarray(at, at + length)));
          at += length;
        }
        const last = splitter.end();
        expect(last === null ? lines : [...lines, last]).toEqual(expected);
        const joined = expected.map(({ text, end, indent }) => (indent ? "\ufeff" : "") + text + end).join("");
        expect(joined).toBe(pieces.join(""));
      }),
    );
  });
});

describe("parsing a line", () => {
  const parse = (text: string) => parseLine({ number: 1, text, end: "", indent: 0, invalidAt: null });
  it("skips blank lines, and only those", () => {
    expect(parse(" \t\r")).toBeNull();
    expect(parse("\u00a0")?.problem).toMatchObject({ check: "json-syntax" });
  });
  it("says what is wrong in one sentence", () => {
    expect(parse('{"a": 1,}')?.problem?.message).toMatch(/comma.*\.$/);
    expect(parse('{"a": 1}')).toEqual({ value: { a: 1 }, problem: null });
  });
});
