import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Severities } from "../checks/severities";
import type { RowProblem } from "../problem";
import { type Scan, type ScanOptions, scanFile } from "./scanFile";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "scan-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function scan(content: string | Buffer | readonly string[], options: ScanOptions = {}): Promise<Scan> {
  const path = join(folder, "data.jsonl");
  writeFileSync(path, Array.isArray(content) ? content.join("\n") : (content as string | Buffer));
  return scanFile(path, options);
}

const places = ({ findings }: Scan) =>
  findings.map(({ line, column, endColumn, check }) => [line, column, endColumn, check]);
const checksOf = ({ findings }: Scan) => findings.map(({ check }) => check);
const row = (number: number) =>
  JSON.stringify({ instruction: `Add the number ${number} to a list.`, output: `numbers.append(${number})` });
const rows = (count: number) => Array.from({ length: count }, (_, index) => row(index));

describe("what is wrong with a file", () => {
  it("is found at its place, the most serious first", async () => {
    const lines = [
      row(1),
      "",
      '  {"instruction": "", "output": 3}',
      '{"instruction": "é😀", "output": }',
      '{"instruction": "Say why."}',
      "[]",
      '{"instruction": "Twice?", "output": "yes", "output": "no"}',
      row(1),
    ];
    const found = await scan(
      Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n`), Buffer.from([0xff, 0x0d, 0x0a])]),
    );
    expect(places(found)).toEqual([
      [3, 33, 34, "wrong-type"],
      [4, 34, 35, "json-syntax"],
      [5, 1, 15, "missing-field"],
      [6, 1, 3, "not-an-object"],
      [9, 1, 2, "invalid-utf8"],
      [9, 1, 2, "json-syntax"],
      [3, 19, 21, "empty-instruction"],
      [7, 44, 52, "duplicate-key"],
      [8, 16, 45, "duplicate-row"],
      [2, 1, 1, "blank-line"],
    ]);
    expect(found).toMatchObject({
      format: "alpaca",
      rows: 8,
      usable: 3,
      scope: "all",
      totals: { error: 6, warning: 3, information: 1, byCheck: { "json-syntax": 2, "invalid-utf8": 1 } },
    });
  });

  it("is what severities say", async () => {
    const severities = new Severities({ "json-syntax": "information", "missing-field": "off" });
    const found = await scan([row(1), "{", '{"instruction": "x"}'], { severities });
    expect(found.totals).toEqual({ error: 0, warning: 0, information: 1, byCheck: { "json-syntax": 1 } });
    expect(found.usable).toBe(1);
  });

  it.each([
    ["", ["empty-file"]],
    [" ", ["json-syntax"]],
    ["\n\r\n\t\n", ["json-syntax", "mixed-line-ends"]],
    ["\ufeff", ["json-syntax", "byte-order-mark"]],
    [`\ufeff${row(1)}\n`, ["byte-order-mark"]],
    [`${row(1)}\n\n\n`, []],
    [`${row(1)}\n${row(2)}\r${row(3)}\n`, ["mixed-line-ends"]],
    ['{"chosen": "a", "rejected": "b", "prompt": "c"}', ["preference-data"]],
  ])("as a whole: %j", async (content, expected) => {
    expect(checksOf(await scan(content))).toEqual(expected);
  });

  it("as a whole is an error on each row where no format fits", async () => {
    const found = await scan(['{"level": "info"}', '{"level": "warn"}']);
    expect(found).toMatchObject({ format: null, usable: 0, totals: { error: 2 } });
  });

  it("has columns that do not count a byte order mark", async () => {
    expect(places(await scan(`\ufeff{"instruction": "Go", "output": 1}`))[0]).toEqual([1, 33, 34, "wrong-type"]);
  });
});

describe("a JSON array", () => {
  it("over many lines has one finding", async () => {
    const found = await scan(["  [", ...rows(300).map((text) => `${text},`), "]"]);
    expect(places(found)).toEqual([[1, 3, 4, "json-syntax"]]);
    expect(found.findings[0]!.message).toContain("tunesmith dataset import");
  });

  it("has the rows that stand whole on a line checked, as preparation takes them", async () => {
    const found = await scan(["[", "{", "", row(1), ",", '{"instruction": "Go."}', "]"]);
    expect(checksOf(found)).toEqual(["json-syntax", "missing-field"]);
    expect(found).toMatchObject({ rows: 6, usable: 1 });
  });

  it("is not seen in a row that only breaks off", async () => {
    const [found] = (await scan('["a",')).findings;
    expect(found).toMatchObject({ check: "json-syntax", line: 1, column: 5 });
    expect(found!.message).not.toContain("import");
    expect(places(await scan(["[{", row(1), "}"]))).toEqual([
      [1, 2, 3, "json-syntax"],
      [3, 1, 2, "json-syntax"],
    ]);
  });
});

describe("findings that are kept", () => {
  it("are the most serious, and the totals are true", async () => {
    const spoilt = rows(50).map((text, index) => (index % 5 === 4 ? "{" : text.replace("}", ',"extra": 1}')));
    const all = await scan(["{}", ...rows(60), ...spoilt]);
    const few = await scan(["{}", ...rows(60), ...spoilt], { most: 13 });
    expect(few.totals).toEqual(all.totals);
    expect(few.findings).toEqual(all.findings.slice(0, 13));
    expect(few.findings.filter(({ severity }) => severity === "error")).toHaveLength(all.totals.error);
  });

  it("hold those that show at the file's end, at their places", async () => {
    const long = JSON.stringify({ instruction: "Write it.", output: "word ".repeat(5000) });
    const content = [...rows(1500), long, ...rows(3000).slice(1500), long.replace("it", "more")].join("\n");
    const found = (await scan(content)).findings.filter(({ check }) => check === "suspicious-length");
    expect(found.map(({ line, column }) => [line, column])).toEqual([
      [1501, 37],
      [3002, 39],
    ]);
  });
});

describe("lines of any length", () => {
  it("are checked up to 16 MiB", async () => {
    const long = JSON.stringify({ instruction: "Count.", output: "1, 2, ".repeat(1_700_000) });
    const found = await scan([row(1), long, "x".repeat(17 * 1024 * 1024), "{"], { scope: "structure" });
    expect(places(found)).toEqual([
      [3, 1, 1, "line-too-long"],
      [4, 1, 2, "json-syntax"],
    ]);
    expect(found).toMatchObject({ rows: 4, usable: 2 });
  });
});

describe("the scope", () => {
  const bell = JSON.stringify({ instruction: "Ring the bell.", output: "Ding\u0007, dong." });
  it("structure leaves texts unread and finds exact duplicates", async () => {
    expect(checksOf(await scan([bell, row(1), bell]))).toContain("control-character");
    const found = await scan([bell, row(1), bell], { scope: "structure" });
    expect([checksOf(found), found.scope]).toEqual([["duplicate-row"], "structure"]);
  });
});

describe("a held-out file", () => {
  it("beside the data set, or named, must not share rows with it", async () => {
    writeFileSync(join(folder, "data-eval.jsonl"), `${row(7)}\n`);
    writeFileSync(join(folder, "other.jsonl"), `${row(3)}\n`);
    try {
      expect(places(await scan(rows(9)))).toEqual([[8, 16, 45, "held-out-leak"]]);
      const named = await scan(rows(9), { heldOut: join(folder, "other.jsonl"), scope: "structure" });
      expect(places(named)).toEqual([[4, 16, 45, "held-out-leak"]]);
      await expect(scan(rows(9), { heldOut: join(folder, "data.jsonl") })).rejects.toThrow("is the data set itself");
    } finally {
      rmSync(join(folder, "data-eval.jsonl"));
    }
  });
});

describe("a stage that counts tokens", () => {
  it("gets the sound rows in batches and is reported", async () => {
    const batches: number[] = [];
    const found = await scan([...rows(600), "{", '{"instruction": "x"}'], {
      tokens: {
        async check(batch) {
          batches.push(batch.length);
          return batch.map((_, index) => {
            const isLong = index === 255;
            const problem: RowProblem = { check: "over-length", message: "Long.", path: ["output"] };
            return { problems: isLong ? [problem] : [], usable: !isLong, tokens: isLong ? 99 : 9 };
          });
        },
      },
    });
    expect(batches).toEqual([256, 256, 88]);
    expect(found.usable).toBe(598);
    expect(found.findings.filter(({ check }) => check === "over-length").map(({ line }) => line)).toEqual([256, 512]);
  });
});

describe("a scan", () => {
  it("ends with the signal's reason", async () => {
    const abort = new AbortController();
    const progress = () => abort.abort(new Error("enough"));
    await expect(scan(rows(40_000), { signal: abort.signal, progress })).rejects.toThrow("enough");
  });

  it("fails on what is no file", async () => {
    await expect(scanFile(folder)).rejects.toThrow("is not a file");
    await expect(scanFile(join(folder, "none.jsonl"))).rejects.toThrow("ENOENT");
  });
});

const suite = "../shared/data/json-test-suite";
describe.skipIf(!existsSync(suite))("the JSON test suite", () => {
  const files = existsSync(suite) ? readdirSync(suite).filter((name) => name.endsWith(".json")) : [];
  const linesOf = (name: string) =>
    readFileSync(join(suite, name), "latin1")
      .trimEnd()
      .split(/\r\n|\r|\n/);
  const syntaxErrors = async (name: string) =>
    checksOf(await scanFile(join(suite, name))).filter((check) => check === "json-syntax").length;

  it.each(files.filter((name) => name.startsWith("y_") && linesOf(name).length === 1))("%s is JSON", async (name) => {
    expect(await syntaxErrors(name)).toBe(0);
  });

  it.each(files.filter((name) => name.startsWith("n_")))("%s is none", async (name) => {
    if (readFileSync(join(suite, name)).length > 0) expect(await syntaxErrors(name)).toBeGreaterThan(0);
  });

  it.each(files.filter((name) => name.startsWith("i_") || linesOf(name).length > 1))("%s is read", async (name) => {
    expect((await scanFile(join(suite, name))).rows).toBeGreaterThan(0);
  });
});

describe("an observer", () => {
  it("is told every finding that counts, kept or not, and each sound row after what its texts hold", async () => {
    const told: unknown[] = [];
    const row = '{"prompt": "a", "completion": "b \\u0001"}';
    const { totals } = await scan([row, "", "{,}", row], {
      most: 1,
      severities: new Severities({ "duplicate-row": "off" }),
      observer: {
        sound: ({ number }, row, dialect) => told.push([number, row.prompt, dialect.format.id]),
        found: (line, check) => told.push([line, check]),
      },
    });
    expect(told).toEqual([
      [1, "control-character"],
      [1, "a", "prompt-completion"],
      [2, "blank-line"],
      [3, "json-syntax"],
      [4, "control-character"],
      [4, "a", "prompt-completion"],
    ]);
    expect(totals.byCheck).toEqual({ "control-character": 2, "json-syntax": 1, "blank-line": 1 });
  });
});
