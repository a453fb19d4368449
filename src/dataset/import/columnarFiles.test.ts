import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import { parseColumnMapping } from "./columnMapping";
import { importDataset } from "./importDataset";

const fixture = (name: string) => join(__dirname, "../../../test/fixtures/import", name);

async function importFile(path: string, mapping?: string) {
  const output = join(mkdtempSync(join(tmpdir(), "tunesmith-test-")), "rows.jsonl");
  const columns = mapping === undefined ? [] : parseColumnMapping([mapping]);
  const result = await importDataset([path], output, { format: "auto", header: "auto", columns, force: false });
  const text = readFileSync(output, "utf8");
  return {
    result,
    rows: text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
  };
}

type WriteOptions = Parameters<typeof parquetWriteBuffer>[0];

function importParquet(options: WriteOptions, mapping?: string) {
  const path = join(mkdtempSync(join(tmpdir(), "tunesmith-test-")), "a.parquet");
  writeFileSync(path, Buffer.from(parquetWriteBuffer(options)));
  return importFile(path, mapping);
}

/** What pyarrow wrote into the fixtures. */
const table = [
  {
    instruction: "Añadir 😀",
    messages: [
      { role: "user", content: "hi" },
      { role: "assistant", content: "yo" },
    ],
    kind: "a",
    score: 0.5,
    small: Math.fround(0.1),
    id: 1,
    ok: true,
    none: null,
    when: "2024-01-02T03:04:05.678Z",
    day: "2024-02-29",
    large: "x",
    tags: ["p", "q"],
    pair: [1, 2],
    nested: { a: { b: [1] } },
  },
  {
    instruction: "second",
    messages: [],
    kind: "b",
    score: null,
    small: 1.5,
    id: "9007199254740993",
    ok: false,
    none: null,
    when: "2024-01-02T03:04:05Z",
    day: null,
    large: "y",
    tags: [],
    pair: [3, 4],
    nested: { a: null },
  },
  {
    instruction: "third",
    messages: null,
    kind: "a",
    score: null,
    small: -2.25,
    id: -3,
    ok: null,
    none: null,
    when: "1969-12-31T23:59:59.999999Z",
    day: "1969-12-31",
    large: "z",
    tags: null,
    pair: null,
    nested: null,
  },
  {
    instruction: null,
    messages: [{ role: "user", content: null }],
    kind: null,
    score: null,
    small: null,
    id: null,
    ok: true,
    none: null,
    when: null,
    day: null,
    large: null,
    tags: ["r", null],
    pair: [5, null],
    nested: { a: { b: null } },
  },
];

describe("Arrow", () => {
  it.each(["types.arrow", "types-file.arrow", "types-lz4.arrow", "types-zstd.arrow"])("imports %s", async (name) => {
    const { rows, result } = await importFile(fixture(name));
    expect(rows).toEqual(table);
    expect(result.replaced).toEqual({ nonFinite: 2, largeIntegers: 1, roundedNumbers: 0, invalidTexts: 0 });
  });

  it("decompresses blocks that refer to earlier ones", async () => {
    const { rows } = await importFile(fixture("long-lz4.arrow"));
    expect(rows.map(({ text }) => text)).toEqual(
      Array.from({ length: 8 }, (_, index) => `line ${index} `.repeat(2000)),
    );
  });

  it("names the column that cannot be read, unless it is left out", async () => {
    await expect(importFile(fixture("binary.arrow"))).rejects.toThrow('The column "picture" holds bytes');
    await expect(importFile(fixture("decimal.arrow"))).rejects.toThrow('the column "price" has the Arrow type decimal');
    expect((await importFile(fixture("binary.arrow"), "text=a")).rows).toEqual([{ text: "x" }]);
  });

  it("says that a file is damaged, wherever a byte was changed or the end is missing", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tunesmith-test-"));
    const path = join(folder, "a.arrow");
    const whole = ["types.arrow", "types-lz4.arrow", "types-zstd.arrow"].map((name) => readFileSync(fixture(name)));
    const cases = fc.record({ file: fc.nat(2), at: fc.nat(), value: fc.nat(255), cut: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(cases, async ({ file: number, at, value, cut }) => {
        const file = whole[number]!;
        const damaged = Buffer.from(cut ? file.subarray(0, at % file.length) : file);
        if (!cut) damaged[at % file.length] = value;
        writeFileSync(path, damaged);
        const outcome = await importFile(path).catch((error: Error) => error.name);
        if (typeof outcome === "string") expect(outcome).toBe("DatasetError");
      }),
      { numRuns: 300 },
    );
  });
});

describe("Parquet", () => {
  it("imports what pyarrow writes", async () => {
    const { rows, result } = await importFile(fixture("pyarrow.parquet"));
    expect(rows).toEqual(table.map(({ none, pair, ...row }) => row));
    expect(result.replaced).toEqual({ nonFinite: 2, largeIntegers: 1, roundedNumbers: 0, invalidTexts: 0 });
    expect((await importFile(fixture("pyarrow-lz4.parquet"))).rows).toEqual([
      { text: "lz4 ".repeat(50) },
      { text: "b" },
    ]);
  });

  it.each([
    ["UNCOMPRESSED", undefined],
    ["SNAPPY", undefined],
    ["GZIP", (bytes: Uint8Array) => gzipSync(bytes)],
    ["BROTLI", (bytes: Uint8Array) => brotliCompressSync(bytes)],
  ] as const)("reads pages and row groups in lockstep: %s", async (codec, compress) => {
    const count = 1500;
    const numbers = Array.from({ length: count }, (_, index) => index);
    const { rows } = await importParquet({
      columnData: [
        { name: "id", data: numbers, type: "INT32" },
        { name: "text", data: numbers.map((index) => `${index} ${"é😀".repeat(index % 7)}`), type: "STRING" },
        { name: "maybe", data: numbers.map((index) => (index % 3 === 0 ? null : `m${index % 5}`)), type: "STRING" },
      ],
      // The columns' pages end at different rows.
      pageSize: 700,
      rowGroupSize: 600,
      codec,
      ...(compress === undefined ? {} : { compressors: { [codec]: compress } }),
    });
    expect(rows).toEqual(
      numbers.map((index) => ({
        id: index,
        text: `${index} ${"é😀".repeat(index % 7)}`,
        maybe: index % 3 === 0 ? null : `m${index % 5}`,
      })),
    );
  });

  it("writes dates as ISO 8601, JSON as it is, and large whole numbers as text", async () => {
    const { rows } = await importParquet({
      columnData: [
        { name: "when", data: [new Date("2024-01-02T03:04:05.006Z")], type: "TIMESTAMP" },
        { name: "big", data: [2n ** 60n], type: "INT64" },
        { name: "json", data: [{ a: [1, { b: "x" }] }], type: "JSON" },
        { name: "bytes", data: [Buffer.from("text é")], type: "BYTE_ARRAY" },
        { name: "float", data: [Number.NaN], type: "DOUBLE" },
      ],
    });
    expect(rows).toEqual([
      {
        when: "2024-01-02T03:04:05.006Z",
        big: String(2n ** 60n),
        json: { a: [1, { b: "x" }] },
        bytes: "text é",
        float: null,
      },
    ]);
  });

  it("refuses bytes by the column's name, unless it is left out", async () => {
    const columnData: WriteOptions["columnData"] = [
      { name: "text", data: ["a"], type: "STRING" },
      { name: "image", data: [Uint8Array.of(0x89, 0x50, 0)], type: "BYTE_ARRAY" },
    ];
    await expect(importParquet({ columnData })).rejects.toThrow('The column "image" holds bytes');
    const { rows, result } = await importParquet({ columnData }, "output=text");
    expect(rows).toEqual([{ output: "a" }]);
    expect(result.leftOut).toEqual(["image"]);
  });

  it("reads nested columns whose rows go over the ends of pages", async () => {
    const lists = Array.from({ length: 400 }, (_, index) =>
      Array.from({ length: (index * 7) % 11 }, (_, item) => ({ role: `r${item}`, content: `${index}.${item}` })),
    );
    const { rows } = await importParquet({
      columnData: [{ name: "messages", data: lists }],
      schema: [
        { name: "root", num_children: 1 },
        { name: "messages", repetition_type: "OPTIONAL", converted_type: "LIST", num_children: 1 },
        { name: "list", repetition_type: "REPEATED", num_children: 1 },
        { name: "element", repetition_type: "OPTIONAL", num_children: 2 },
        { name: "role", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
        { name: "content", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
      ],
      pageSize: 300,
      rowGroupSize: 150,
    });
    expect(rows).toEqual(lists.map((messages) => ({ messages })));
  });

  it("says that a file is damaged, wherever a byte was changed or the end is missing", async () => {
    const path = join(mkdtempSync(join(tmpdir(), "tunesmith-test-")), "a.parquet");
    const whole = readFileSync(fixture("pyarrow.parquet"));
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), fc.boolean(), async (at, value, cut) => {
        const damaged = Buffer.from(cut ? whole.subarray(0, at) : whole);
        if (!cut) damaged[at] = value;
        writeFileSync(path, damaged);
        const outcome = await importFile(path).catch((error: Error) => error.name);
        if (typeof outcome === "string") expect(outcome).toBe("DatasetError");
      }),
      { numRuns: 300 },
    );
  });
});
