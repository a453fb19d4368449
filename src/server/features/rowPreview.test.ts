import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { canonicalDialect } from "../../dataset/formats/detect";
import { formatById } from "../../dataset/formats/registry";
import type { Line } from "../../dataset/lines";
import { loadTokenizer } from "../../dataset/tokenizer";
import { previewLine, readLineAt } from "./rowPreview";

const dialect = canonicalDialect(formatById("alpaca"));
const line = (text: string | null): Line => ({ number: 1, text, end: "\n", indent: 0, invalidAt: null });
const row = (output: string) => JSON.stringify({ instruction: "Add.", output });

describe("a row read by its place", () => {
  let path: string;
  beforeEach(() => {
    path = join(mkdtempSync(join(tmpdir(), "row-preview-")), "data.jsonl");
  });
  afterEach(() => rmSync(join(path, ".."), { recursive: true }));

  it("is the line after so many others, whatever ends them", async () => {
    writeFileSync(path, "äöü\r\nsecond\rthird\n\nfifth");
    const second = Buffer.byteLength("äöü\r\n");
    const texts = await Promise.all([0, 1, 2, 3, 4].map((skip) => readLineAt(path, second, skip)));
    expect(texts.map((found) => found?.text ?? null)).toEqual(["second", "third", "", "fifth", null]);
    expect((await readLineAt(path, 0, 0))?.text).toBe("äöü");
    expect(await readLineAt(path, 1000, 0)).toBeNull();
  });

  it("may be longer than what is read at once", async () => {
    const long = "x".repeat(700_000);
    writeFileSync(path, `first\n${long}\nlast\n`);
    expect((await readLineAt(path, 0, 1))?.text).toBe(long);
    expect((await readLineAt(path, 6, 1))?.text).toBe("last");
  });
});

describe("the preview of a row", () => {
  it("has the tokens of each segment, and says which are learned", async () => {
    const tokenizer = await loadTokenizer("models/tiny-python");
    const result = await previewLine(line(row("def add(a, b):\n    return a + b")), dialect, tokenizer, new WeakMap());
    if (result.state !== "ready") throw new Error(result.message);
    const { segments, tokens, leftOut } = result.preview;
    const counted = segments.flatMap(({ pieces }) => pieces!.flatMap(({ ids }) => ids)).length;
    expect(tokens).toEqual({ total: counted, prompt: expect.any(Number), response: expect.any(Number) });
    const learned = segments.filter((segment) => segment.learned);
    expect(learned[0]!.text).toContain("def add(a, b):");
    expect(learned.flatMap(({ pieces }) => pieces!.flatMap(({ ids }) => ids)).length).toBe(tokens!.response);
    expect(leftOut).toBe(0);
  });

  it("is the text alone without a tokenizer", async () => {
    const result = await previewLine(line(row("1")), dialect, null, new WeakMap());
    if (result.state !== "ready") throw new Error(result.message);
    expect(result.preview.tokens).toBeNull();
    expect(result.preview.segments.every(({ pieces }) => pieces === null)).toBe(true);
    expect(result.preview.segments.map(({ text }) => text).join("")).toContain("Add.");
  });

  it("leaves out what is too long to be read, and counts it", async () => {
    const result = await previewLine(line(row("x".repeat(30_000))), dialect, null, new WeakMap());
    if (result.state !== "ready") throw new Error(result.message);
    const shown = result.preview.segments.map(({ text }) => text).join("");
    expect(shown.length).toBe(24_000);
    expect(result.preview.leftOut).toBeGreaterThan(6000);
  });

  it.each([
    ["{,}", "Expected a key"],
    ['{"instruction": "x"}', '"output"'],
    ["[]", "must hold one object"],
    ["  ", "blank"],
    [null, "too long"],
  ])("of %s says why there is none, with the line", async (text, message) => {
    const result = await previewLine(line(text), dialect, null, new WeakMap());
    expect(result).toMatchObject({ state: "unreadable", message: expect.stringContaining(message) });
    if (result.state === "unreadable" && text?.trim()) expect(result.source).toBe(text);
  });

  it("of a line that is no longer there says what to do", async () => {
    expect(await previewLine(null, dialect, null, new WeakMap())).toMatchObject({
      message: "The file is shorter than it was: refresh the view.",
    });
  });
});
