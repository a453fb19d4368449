import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { parseColumnMapping } from "./columnMapping";
import { type ImportOptions, importDataset } from "./importDataset";
import { inspectSource } from "./inspect";
import type { DroppedRow } from "./rowSource";

const shared = join(__dirname, "../../../../shared/data");
const defaults: ImportOptions = { format: "auto", header: "auto", columns: [], force: false };

/** Imports files that are written below a folder of the test's own. */
async function imported(
  files: Record<string, string | Buffer>,
  source: string | string[],
  { mapping, ...options }: Partial<ImportOptions> & { mapping?: string } = {},
) {
  const folder = mkdtempSync(join(tmpdir(), "tunesmith-test-"));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  const output = join(folder, "out", "rows.jsonl");
  mkdirSync(dirname(output));
  const dropped: DroppedRow[] = [];
  const columns = mapping === undefined ? [] : parseColumnMapping([mapping]);
  const sources = [source].flat().map((name) => join(folder, name));
  const work = importDataset(sources, output, {
    ...defaults,
    columns,
    onDropped: (row) => dropped.push(row),
    ...options,
  });
  const result = await work.catch((error: Error) => {
    // Nothing is left of an import that failed.
    expect(readdirSync(dirname(output))).toEqual([]);
    throw new Error(error.message.replaceAll(`${folder}/`, ""), { cause: error });
  });
  const text = readFileSync(output, "utf8");
  expect(readdirSync(dirname(output))).toEqual(["rows.jsonl"]);
  expect(text.endsWith("\n")).toBe(true);
  return {
    result,
    text,
    rows: text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
    dropped,
  };
}

const rows = [
  { instruction: "é\n😀", output: "a" },
  { instruction: "b", output: "c" },
];

describe("JSON", () => {
  it.each([
    ["an array on one line", JSON.stringify(rows)],
    ["an array on many lines, with a byte order mark", `\ufeff${JSON.stringify(rows, null, 2)}\n`],
    ["an object with the rows in one array", JSON.stringify({ version: 1, data: rows })],
    ["lines", rows.map((row) => JSON.stringify(row)).join("\r\n")],
    ["objects on many lines", rows.map((row) => JSON.stringify(row, null, 2)).join("\n")],
    ["compressed", gzipSync(JSON.stringify(rows))],
  ])("imports %s", async (_, content) => {
    const { rows: found, result } = await imported({ "data.json": content }, "data.json");
    expect(found).toEqual(rows);
    expect(result).toMatchObject({ rows: 2, columns: ["instruction", "output"], split: null, dropped: {} });
  });

  it("keeps numbers and repeated keys as they are written", async () => {
    const row = '{"id":12345678901234567890,"x":1.50,"x":1e400}';
    expect((await imported({ "data.json": `[\n${row}\n]` }, "data.json")).text).toBe(`${row}\n`);
  });

  it("says that numbers lose digits where columns are picked", async () => {
    const content =
      '[{"id": 12345678901234567890, "a": "12345678901234567890"}, {"id": 1, "a": "12345678901234567890"}]';
    const { result } = await imported({ "data.json": content }, "data.json", { mapping: "b=a" });
    expect(result.replaced.roundedNumbers).toBe(1);
  });

  it("writes null for NaN and infinities, and counts them", async () => {
    const { rows: found, result } = await imported({ "data.json": '[{"a": NaN, "b": [-Infinity]}]' }, "data.json");
    expect(found).toEqual([{ a: null, b: [null] }]);
    expect(result.replaced.nonFinite).toBe(2);
  });

  it("takes a single conversation for one row", async () => {
    const row = { messages: [{ role: "user", content: "a" }] };
    expect((await imported({ "data.json": JSON.stringify(row, null, 1) }, "data.json")).rows).toEqual([row]);
  });

  it("asks which of several arrays is meant", async () => {
    const content = JSON.stringify({ train: [{ a: 1 }], test: [{ a: 2 }] });
    await expect(imported({ "data.json": content }, "data.json")).rejects.toThrow(
      "The source has the splits train, test: choose one with --split.",
    );
    const { rows: found, result } = await imported({ "data.json": content }, "data.json", { split: "test" });
    expect(found).toEqual([{ a: 2 }]);
    expect(result.split).toBe("test");
    await expect(imported({ "data.json": content }, "data.json", { split: "dev" })).rejects.toThrow(
      'The source has no split "dev": it has train, test.',
    );
  });

  it("leaves out lines that are no rows, and says which", async () => {
    const {
      rows: found,
      dropped,
      result,
    } = await imported({ "data.jsonl": '{"a":1}\n\n{"a":\n[1]\n{"a":2}' }, "data.jsonl");
    expect(found).toEqual([{ a: 1 }, { a: 2 }]);
    expect(dropped.map(({ line, check }) => [line, check])).toEqual([
      [3, "json-syntax"],
      [4, "not-an-object"],
    ]);
    expect(result.dropped).toEqual({ "json-syntax": 1, "not-an-object": 1 });
  });

  it.each<[string, string | Buffer, string]>([
    ["a fault", '[{"a": 1},\n {"a": tru}]', "data.json, line 2, column 8: "],
    [
      "a row that is no object",
      '[{"a": 1}, 2]',
      "data.json, line 1, column 12: The row is a number: it must be an object.",
    ],
    [
      "columns instead of rows",
      '{"a": ["x"], "b": ["y"]}',
      "data.json holds a list of values for each column (a, b): write it with one object for each row.",
    ],
    ["a file that is cut off", '{"a": [{"b": 1}', "data.json, line 1, column 16: the file ends here"],
    ["an empty array", "[]", "data.json: there are no rows to import."],
    ["an empty file", "", "data.json: there are no rows to import."],
    ["text", "text", 'data.json is no JSON array or object: it begins with "t".'],
    [
      "bytes that are not UTF-8",
      Buffer.from('[{"a":\n"\xff"}]', "latin1"),
      "data.json, line 2: the bytes are not UTF-8: save the file as UTF-8.",
    ],
    ["UTF-16", Buffer.from("\ufeff[]", "utf16le"), "data.json is UTF-16: save it as UTF-8."],
    [
      "half a gzip file",
      gzipSync(JSON.stringify(rows)).subarray(0, 40),
      "data.json: the compressed data is damaged or cut off.",
    ],
    ["a Git LFS pointer", "version https://git-lfs.github.com/spec/v1\noid x", "data.json holds a Git LFS pointer"],
    [
      "brackets that are never closed",
      `[{"a":${"[".repeat(100_000)}`,
      "data.json, line 1, column 100007: the file ends here",
    ],
  ])("refuses %s", async (_, content, message) => {
    await expect(imported({ "data.json": content }, "data.json")).rejects.toThrow(message);
  });

  it("writes 100,000 nested brackets as they are, and refuses them where they would be taken apart", async () => {
    const deep = `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    expect((await imported({ "data.json": `[${deep}]` }, "data.json")).text).toBe(`${deep}\n`);
    await expect(imported({ "data.json": `[${deep}]` }, "data.json", { mapping: "b=a" })).rejects.toThrow(
      "data.json: row 1 is nested too deep to be written.",
    );
  });
});

describe("CSV and TSV", () => {
  it.each([
    ["a.csv", 'question,answer\r\nx,"multi\nline, ""quoted"""\r\n'],
    ["a.csv", '\ufeff"question";"answer"\nx;"multi\nline, ""quoted"""'],
    ["a.tsv", 'question\tanswer\nx\t"multi\nline, ""quoted"""\n\n'],
    ["a.csv", 'question|answer\nx|"multi\nline, ""quoted"""\n'],
    ["a.csv.gz", gzipSync('question,answer\nx,"multi\nline, ""quoted"""\n')],
  ])("finds delimiter and header of %s %j", async (name, content) => {
    const { rows: found, result } = await imported({ [name]: content }, name);
    expect(found).toEqual([{ question: "x", answer: 'multi\nline, "quoted"' }]);
    expect(result.columns).toEqual(["question", "answer"]);
  });

  it("names columns by number where there is no header", async () => {
    const content = "1,How are you?\n2,Well.\n";
    const expected = [
      { column1: "1", column2: "How are you?" },
      { column1: "2", column2: "Well." },
    ];
    expect((await imported({ "a.csv": content }, "a.csv")).rows).toEqual(expected);
    expect((await imported({ "a.csv": content }, "a.csv", { header: "yes" })).rows).toEqual([
      { "1": "2", "How are you?": "Well." },
    ]);
    expect((await imported({ "a.csv": "a,b\nc,d" }, "a.csv", { header: "no" })).rows).toHaveLength(2);
  });

  it.each([
    [
      'a,b\n1,2\n\n"x\ny",2\n3\n',
      "a.csv: the row at line 6 has 1 value, the header has 2: is a quote or a delimiter missing?",
    ],
    ['a,b\n1,"2\n', "a quote is opened and never closed."],
    ["a,__proto__\n1,2", 'a.csv: the header has a column named "__proto__": give it another name.'],
  ])("refuses %j", async (content, message) => {
    await expect(imported({ "a.csv": content }, "a.csv")).rejects.toThrow(message);
  });

  it("refuses a header that names a column twice", async () => {
    const work = imported({ "a.csv": "a,a\n1,2" }, "a.csv", { header: "yes" });
    await expect(work).rejects.toThrow('a.csv: the header names the column "a" twice.');
  });

  it("maps and leaves out columns", async () => {
    const { rows: found, result } = await imported({ "a.csv": "id,q,a\n1,x,y" }, "a.csv", {
      mapping: "instruction=q,output=a",
    });
    expect(found).toEqual([{ instruction: "x", output: "y" }]);
    expect(result.leftOut).toEqual(["id"]);
    await expect(imported({ "a.csv": "id,q,a\n1,x,y" }, "a.csv", { mapping: "output=answer" })).rejects.toThrow(
      'There is no column "answer": the columns are id, q, a.',
    );
  });
});

describe("a folder", () => {
  const part = (text: string) => JSON.stringify([{ text }]);

  it("follows the data card, parts in order", async () => {
    const files = {
      "README.md":
        "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: data/tr*\n  - split: test\n    path: data/test.json\n---\n",
      "data/tr-2.json": part("second"),
      "data/tr-1.json": part("first"),
      "data/test.json": part("held out"),
      "notes.json": part("no"),
    };
    const train = await imported(files, ".", { split: "train" });
    expect(train.rows).toEqual([{ text: "first" }, { text: "second" }]);
    expect(train.result.sources.map(({ rows: count }) => count)).toEqual([1, 1]);
    await expect(imported(files, ".")).rejects.toThrow(
      "The source has the splits train, test: choose one with --split.",
    );
    await expect(imported(files, ".", { config: "x" })).rejects.toThrow('has no configuration "x": it has default.');
  });

  it("goes by the names where there is no card", async () => {
    const files = {
      "data/train-00000-of-00001.json": part("a"),
      "data/test-00000-of-00001.json": part("b"),
      "dataset_info.json": "{}",
    };
    expect((await imported(files, ".", { split: "test" })).rows).toEqual([{ text: "b" }]);
  });

  it("takes no table of row losses for data", async () => {
    const losses = "source,row,loss,tokens,targets,step\n";
    const files = { "a.csv": "text\nyes\n", "a.row-losses.csv": losses, "b.row-losses.csv": losses };
    expect((await imported(files, ".")).rows).toEqual([{ text: "yes" }]);
  });

  it("reads what save_to_disk leaves", async () => {
    const arrow = readFileSync(join(__dirname, "../../../test/fixtures/import/types.arrow"));
    const state = JSON.stringify({ _data_files: [{ filename: "data-00000-of-00001.arrow" }] });
    const saved = { "data-00000-of-00001.arrow": arrow, "state.json": state, "dataset_info.json": "{}" };
    expect((await imported(saved, ".")).rows).toHaveLength(4);
    const both = Object.entries(saved).flatMap(([name, content]) => [
      [`train/${name}`, content] as const,
      [`test/${name}`, content] as const,
    ]);
    const dict = { "dataset_dict.json": '{"splits": ["train", "test"]}', ...Object.fromEntries(both) };
    expect((await imported(dict, ".", { split: "test" })).result).toMatchObject({ rows: 4, split: "test" });
  });

  it("follows no name out of itself", async () => {
    const files = { "data/state.json": '{"_data_files": [{"filename": "../secret.arrow"}]}', "secret.arrow": "" };
    await expect(imported(files, "data")).rejects.toThrow(
      'names a part "../secret.arrow", which is no name of a file in it.',
    );
  });

  it("says what it looked for", async () => {
    await expect(imported({ "data/a.bin": "" }, "data")).rejects.toThrow(
      "data holds no Parquet, Arrow, JSON, CSV or TSV file to import.",
    );
  });
});

describe("the output", () => {
  it("is not replaced without being told", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tunesmith-test-"));
    const source = join(folder, "a.json");
    const output = join(folder, "a.jsonl");
    writeFileSync(source, '[{"a": 1}]');
    writeFileSync(output, "old");
    await expect(importDataset([source], output, defaults)).rejects.toThrow(
      `${output} exists already: name another file, or replace it with --force.`,
    );
    expect(readFileSync(output, "utf8")).toBe("old");
    await importDataset([source], output, { ...defaults, force: true });
    expect(readFileSync(output, "utf8")).toBe('{"a": 1}\n');
    await expect(importDataset([source], source, { ...defaults, force: true })).rejects.toThrow("is the source itself");
  });

  it("is not there after a cancelled import", async () => {
    const abort = new AbortController();
    const content = JSON.stringify(Array.from({ length: 50_000 }, (_, index) => ({ index, text: "x".repeat(50) })));
    const work = imported({ "a.json": content }, "a.json", { signal: abort.signal, onProgress: () => abort.abort() });
    await expect(work).rejects.toMatchObject({ cause: { name: "AbortError" } });
  });

  it("joins several sources", async () => {
    const { rows: found } = await imported({ "a.json": '[{"a":1}]', "b.csv": "a,b\nx,y" }, ["a.json", "b.csv"]);
    expect(found).toEqual([{ a: 1 }, { a: "x", b: "y" }]);
  });
});

describe("inspectSource", () => {
  it("says whether the rows fit a format, and what columns there are", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tunesmith-test-"));
    writeFileSync(join(folder, "a.json"), JSON.stringify([{ q: " a\n b ", answers: { text: ["x"] } }]));
    writeFileSync(join(folder, "b.json"), JSON.stringify({ train: rows, test: rows }));
    const options = { format: "auto", header: "auto" } as const;
    expect(await inspectSource([join(folder, "a.json")], options)).toEqual({
      sourceFormat: "json",
      configs: [],
      splits: [],
      format: null,
      columns: [
        { path: "q", preview: "a b" },
        { path: "answers", preview: "{text}" },
        { path: "answers.text", preview: "[1]" },
        { path: "answers.text.0", preview: "x" },
      ],
    });
    expect(await inspectSource([join(folder, "b.json")], options)).toMatchObject({
      splits: ["train", "test"],
      format: "alpaca",
    });
  });

  it("tells the configurations where none is the default", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tunesmith-test-"));
    const config = (name: string) => `- config_name: ${name}\n  data_files: ${name}.json\n`;
    writeFileSync(join(folder, "README.md"), `---\nconfigs:\n${config("b")}${config("a")}---\n`);
    writeFileSync(join(folder, "a.json"), '[{"text": "of a"}]');
    writeFileSync(join(folder, "b.json"), '[{"text": "of b"}]');
    const options = { format: "auto", header: "auto" } as const;
    expect(await inspectSource([folder], options)).toMatchObject({
      configs: ["b", "a"],
      columns: [{ path: "text", preview: "of b" }],
    });
    expect((await inspectSource([folder], { ...options, config: "a" })).columns[0]!.preview).toBe("of a");
    await expect(importDataset([folder], join(folder, "out.jsonl"), defaults)).rejects.toThrow(
      "has the configurations b, a: choose one with --config.",
    );
  });
});

describe.skipIf(!existsSync(shared))("real data sets", () => {
  it.each([
    ["instruct/gpteacher_codegen-instruct.json", 4535, "alpaca"],
    ["chat/glaive_toolcall_en_demo.json", 300, "sharegpt"],
    ["preference/dpo_en_demo.json", 300, "preference"],
  ])("imports %s", async (name, count, format) => {
    const content = readFileSync(join(shared, name), "utf8");
    const { rows: found, result } = await imported({ "a.json": content }, "a.json");
    expect(found).toEqual(JSON.parse(content));
    expect(result).toMatchObject({ rows: count, dropped: {}, replaced: { nonFinite: 0 } });
    expect(await inspectSource([join(shared, name)], { format: "auto", header: "auto" })).toMatchObject({ format });
  });

  it("imports or refuses in words every file of the JSON test suite", async () => {
    const suite = join(shared, "json-test-suite");
    const names = readdirSync(suite).filter((name) => name.endsWith(".json"));
    expect(names.length).toBeGreaterThan(100);
    for (const name of names) {
      const content = readFileSync(join(suite, name));
      const outcome = await imported({ "a.json": content }, "a.json").catch(({ cause }: Error) => cause as Error);
      if (outcome instanceof Error) expect([name, outcome.name]).toEqual([name, "DatasetError"]);
      else for (const line of outcome.text.trimEnd().split("\n")) expect(() => JSON.parse(line)).not.toThrow();
    }
  });
});
