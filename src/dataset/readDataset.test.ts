import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { AUTOMATIC } from "./formats/detect";
import { type DatasetRequest, detectFileDialect, LISTED_ROWS, planDataset, readDocuments } from "./readDataset";
import { loadTokenizer, type Tokenizer } from "./tokenizer";

let folder: string;
let tokenizer: Tokenizer;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "read-"));
  tokenizer = await loadTokenizer("models/tiny-python");
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(lines: string[]): string {
  const path = join(folder, "data.jsonl");
  writeFileSync(path, lines.join("\n"));
  return path;
}

function request(path: string): DatasetRequest {
  return {
    path,
    format: "auto",
    template: "auto",
    heldOut: { kind: "none" },
    maxTrainRows: null,
    maxEvalRows: null,
    sequenceLength: 64,
    seed: 0,
  };
}

it("reads no further ahead than a few batches, however long the file", async () => {
  const rows = 20_000;
  const path = file(Array.from({ length: rows }, (_, index) => `{"prompt": "${index}", "completion": "x"}`));
  const { documents, tallies } = readDocuments(await planDataset(request(path), tokenizer));
  let taken = 0;
  let furthest = 0;
  let largest = 0;
  for await (const batch of documents) {
    taken += batch.length;
    largest = Math.max(largest, batch.length);
    furthest = Math.max(furthest, tallies[0]!.rows - taken);
  }
  expect(taken).toBe(rows);
  expect(largest).toBeLessThanOrEqual(512);
  expect(furthest).toBeLessThanOrEqual(2 * 512);
});

it("makes smaller batches of longer rows", async () => {
  const long = "y".repeat(300_000);
  const path = file(
    [...Array(12).keys()].map((index) => `{"prompt": "${index}", "completion": "x", "note": "${long}"}`),
  );
  const sizes: number[] = [];
  for await (const batch of readDocuments(await planDataset(request(path), tokenizer)).documents) {
    sizes.push(batch.length);
  }
  expect(sizes).toEqual([4, 4, 4]);
});

it("keeps a bounded list of the rows it skipped, and reports them all in order", async () => {
  const path = file(['{"prompt": "a", "completion": "b"}', ...Array<string>(LISTED_ROWS + 500).fill("{")]);
  const reported: number[] = [];
  const { documents, tallies } = readDocuments(await planDataset(request(path), tokenizer), {
    problem: (_, row) => reported.push(row),
  });
  for await (const batch of documents) expect(batch.length).toBeLessThanOrEqual(1);
  expect(tallies[0]).toMatchObject({ rows: LISTED_ROWS + 501, used: 1, skipped: LISTED_ROWS + 500 });
  expect(tallies[0]!.listed).toHaveLength(LISTED_ROWS);
  expect(reported).toEqual(Array.from({ length: LISTED_ROWS + 500 }, (_, index) => index + 2));
});

it("does not tokenize a text that cannot fit", async () => {
  const path = file([
    `{"prompt": "", "completion": "${"word ".repeat(200_000)}"}`,
    '{"prompt": "", "completion": "x"}',
  ]);
  let longest = 0;
  const watched: Tokenizer = Object.assign(Object.create(tokenizer), {
    encode: (texts: string[]) => {
      longest = Math.max(longest, ...texts.map((text) => text.length));
      return tokenizer.encode(texts);
    },
  });
  const { documents, tallies } = readDocuments(await planDataset(request(path), watched));
  for await (const batch of documents) expect(batch).toHaveLength(1);
  expect(longest).toBe(1);
  expect(tallies[0]!.listed[0]!.message).toMatch(
    /^The row has at least [\d,]+ tokens, more than the sequence length of 64/,
  );
});

it("detects a file's format by its first rows", async () => {
  const chat = '{"messages": []}';
  const alpaca = '{"instruction": "a", "output": "b"}';
  expect((await detectFileDialect(file([chat, alpaca, alpaca]), AUTOMATIC))?.format.id).toBe("alpaca");
  expect(
    (await detectFileDialect(file([...Array<string>(200).fill(chat), ...Array<string>(999).fill(alpaca)]), AUTOMATIC))
      ?.format.id,
  ).toBe("chat");
  expect(await detectFileDialect(file(["{", "3"]), AUTOMATIC)).toBeNull();
});
