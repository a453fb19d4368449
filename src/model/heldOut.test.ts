import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { readDocuments, writeDocuments as writeAsPrepared } from "./heldOut";
import { temporaryFolder, writeDocuments } from "./testModel";

const DOCUMENTS = [
  { ids: [5, 6, 7], targets: [1, 2] },
  { ids: [8, 9, 10, 11], targets: [3] },
];
let folder: string;
let tokens: string;
let documents: string;
beforeEach(() => {
  folder = temporaryFolder("data");
  writeDocuments(folder, "eval", DOCUMENTS);
  tokens = join(folder, "eval.tokens");
  documents = join(folder, "eval.documents");
});

function change(path: string, edit: (bytes: Buffer) => void): void {
  const bytes = readFileSync(path);
  edit(bytes);
  writeFileSync(path, bytes);
}

describe("prepared documents", () => {
  it("come back as they were written", () => {
    const read = readDocuments(folder, "eval", 100);
    expect(read.map(({ ids, targets }) => ({ ids, targets }))).toEqual(DOCUMENTS);
    expect(read.map(({ row, kind }) => [row, kind])).toEqual([
      [1, "instruct"],
      [2, "instruct"],
    ]);
  });

  it("are written to the byte as the layout says", async () => {
    const other = temporaryFolder("data");
    await writeAsPrepared(other, "eval", DOCUMENTS);
    expect(readFileSync(join(other, "eval.tokens"))).toEqual(readFileSync(tokens));
    expect(readFileSync(join(other, "eval.documents"))).toEqual(readFileSync(documents));
  });

  it.each<[string, () => void, RegExp]>([
    [
      "another file's magic",
      () => change(tokens, (b) => b.write("TSDOCUMT")),
      /eval\.tokens is not a file of prepared data/,
    ],
    ["another version", () => change(documents, (b) => b.writeUInt32LE(2, 8)), /eval\.documents has version 2/],
    ["another record size", () => change(documents, (b) => b.writeUInt32LE(40, 12)), /records of 40 bytes/],
    ["a truncated header", () => truncateSync(documents, 10), /eval\.documents is not a file of prepared data/],
    ["a truncated record", () => truncateSync(documents, 16 + 40), /ends inside a record/],
    ["a record too few", () => truncateSync(documents, 16 + 32), /belong to no document/],
    ["a torn token", () => truncateSync(tokens, 16 + 7), /eval\.tokens is truncated/],
    ["tokens too few", () => truncateSync(tokens, 16 + 4 * 6), /document 2 ends behind the end/],
    [
      "a token out of the vocabulary",
      () => change(tokens, (b) => b.writeUInt32LE(100, 20)),
      /token 1 is 100, but the vocabulary has 100/,
    ],
    [
      "a gap between documents",
      () => change(documents, (b) => b.writeBigUInt64LE(4n, 48)),
      /document 2 does not follow/,
    ],
    [
      "a start beyond all bounds",
      () => change(documents, (b) => b.writeBigUInt64LE(2n ** 63n, 16)),
      /document 1 does not follow/,
    ],
    ["an empty document", () => change(documents, (b) => b.writeUInt32LE(0, 24)), /document 1 does not follow/],
    [
      "another count of targets",
      () => change(documents, (b) => b.writeUInt32LE(1, 28)),
      /document 1 has other targets/,
    ],
    [
      "a target at the first token",
      () => change(tokens, (b) => b.writeUInt32LE(0x80000005, 16)),
      /document 1 has other targets/,
    ],
  ])("refuses %s", (_, damage, message) => {
    damage();
    expect(() => readDocuments(folder, "eval", 100)).toThrow(message);
  });

  it("says which file is missing", () => {
    expect(() => readDocuments(folder, "train", 100)).toThrow(
      /train\.tokens could not be read: there is no such file or folder/,
    );
  });
});
