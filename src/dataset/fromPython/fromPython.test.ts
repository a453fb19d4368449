import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, it, describe as suite } from "vitest";
import { checkRow } from "../checkRow";
import { canonicalDialect } from "../formats/detect";
import { formatById } from "../formats/registry";
import { dedentDocstring, describe, literalValue } from "./docstring";
import { findFunctions } from "./functions";
import { datasetFromPython } from "./index";
import { RowMaker } from "./rows";
import { decodeSource } from "./sourceText";

const fixtures = "test/fixtures/dataset/python";
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "from-python-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

suite("a data set from a folder", () => {
  const options = { skipTests: true, maxCharacters: 500 };

  it("has the golden rows, and says what was left out and why", async () => {
    const out = join(folder, "out.jsonl");
    const result = await datasetFromPython(fixtures, out, options);
    const golden = readFileSync("test/fixtures/dataset/from-python.golden.jsonl", "utf8");
    expect(readFileSync(out, "utf8")).toBe(golden);
    const rows = golden
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    for (const row of rows) expect(checkRow(row, canonicalDialect(formatById("alpaca")))).toEqual([]);
    expect(result).toEqual({
      rows: rows.length,
      files: 7,
      sources: 5,
      skippedFunctions: {
        "no-docstring": 4,
        "syntax-error": 2,
        "empty-body": 2,
        placeholder: 2,
        "too-short": 1,
        "too-long": 1,
        "no-description": 2,
        duplicate: 1,
      },
      skippedFiles: { "unknown-encoding": 1, "not-utf8": 1 },
    });
    expect(readdirSync(folder)).toEqual(["out.jsonl"]);
  });

  it("includes tests unless told otherwise", async () => {
    const out = join(folder, "out.jsonl");
    await datasetFromPython(fixtures, out);
    expect(readFileSync(out, "utf8")).toContain('"source":"pkg/tests/test_it.py"');
  });

  it("follows no links", async () => {
    mkdirSync(join(folder, "code"));
    symlinkSync(folder, join(folder, "code", "loop"));
    writeFileSync(
      join(folder, "code", "a.py"),
      'def f(a):\n    """Give back the double of it."""\n    return a.measured_value + a.measured_value\n',
    );
    const result = await datasetFromPython(join(folder, "code"), join(folder, "out.jsonl"));
    expect([result.rows, result.files]).toEqual([1, 1]);
  });

  it("leaves what was there when nothing comes of it", async () => {
    const out = join(folder, "out.jsonl");
    writeFileSync(out, "before");
    mkdirSync(join(folder, "empty"));
    await expect(datasetFromPython(join(folder, "empty"), out)).rejects.toThrow(
      /empty has no Python function with a docstring/,
    );
    await expect(datasetFromPython(out, out)).rejects.toThrow(/is not a folder/);
    const abort = AbortSignal.abort(new Error("stop"));
    await expect(datasetFromPython(fixtures, out, { signal: abort })).rejects.toThrow("stop");
    expect(readFileSync(out, "utf8")).toBe("before");
    expect(readdirSync(folder).sort()).toEqual(["empty", "out.jsonl"]);
  });
});

suite("a docstring's literal", () => {
  it.each([
    ['"""a"""', "a"],
    ["r'\\d'", "\\d"],
    ["U'\\x41\\101\\u00e9\\U0001F600'", "AAé😀"],
    ["'\\q \\N{DASH} \\ud800 \\\\ \\'\\n'", "\\q \\N{DASH} \\ud800 \\ '\n"],
    ["'a\\\nb'", "ab"],
    ["b'a'", null],
    ["rb'a'", null],
    ["f'a'", null],
    ["'''a'", null],
  ])("%j is %j", (literal, value) => {
    expect(literalValue(literal)).toBe(value);
  });

  it("is dedented as Python does", () => {
    expect(dedentDocstring("\n    a\n      b\n\n\tc\n    ")).toBe("a\n  b\n\n    c");
    expect(dedentDocstring("  first\n  second")).toBe("first\nsecond");
  });

  it.each([
    ["Do it.\n\n    Parameters\n    ----------\n    x : int", "Do it."],
    ["Do it.\nThen more.\nArgs:\n  x: it", "Do it.\nThen more."],
    ["Do it:\n\n>>> do()\n1\n\nAnd so on.", "Do it:\n\nAnd so on."],
    ["Do it.\n\n@param x: it\n\nLater.", "Do it."],
    [`Do it.\n\n${"word ".repeat(200)}`, "Do it."],
    [":returns: it", ""],
  ])("%j describes %j", (docstring, description) => {
    expect(describe(docstring)).toBe(description);
  });
});

suite("bytes of a source file", () => {
  const decode = (text: string) => decodeSource(Buffer.from(text, "latin1"));
  it.each([
    ["a\r\nb\rc\n", { text: "a\nb\nc\n" }],
    ["\xef\xbb\xbf# coding: latin-1\n\xc3\xa9", { text: "# coding: latin-1\né" }],
    ["x = 1\n# coding: latin-1\n\xc3\xa9", { text: "x = 1\n# coding: latin-1\né" }],
    ["# coding: us-ascii\nx", { text: "# coding: us-ascii\nx" }],
    ["\xff", { reason: "not-utf8" }],
    ["# coding: nope", { reason: "unknown-encoding" }],
    ["a\0b", { reason: "binary" }],
  ])("%j", (text, expected) => {
    expect(decode(text)).toEqual(expected);
  });
});

/** A function, once as its answer and once as it stands in a source: indented, with a docstring. */
const embedded = fc
  .record({
    header: fc.constantFrom(
      "def f(a, b):",
      "async def f(a, *, b: int = 1) -> int:",
      "@decorator(1)\ndef f(a,\n      b):",
    ),
    body: fc.array(
      fc.constantFrom(
        ["total = a + b * 1000"],
        ["# a comment on what follows"],
        ["text = '''raw", "  lines of a text", "'''"],
        ["if a: b = [a, a, a]"],
        ["call(a,", "     b)"],
        [""],
      ),
      { maxLength: 6 },
    ),
    docstring: fc.constantFrom(
      '"""Say what it does."""',
      "'Say what it does.'  # quietly",
      'r"""Say what\n  it does.\n"""',
    ),
    gap: fc.integer({ min: 0, max: 2 }),
    indent: fc.constantFrom("", "    ", "\t", "  "),
  })
  .map(({ header, body, docstring, gap, indent }) => {
    const lines = body.flat();
    while (lines[0] === "") lines.shift();
    const all = [...lines, "return [a, b, a, b, a, b, a, b, a]"];
    // The text's own lines are part of a value: they are not indented with the code.
    const inText = (line: string) => line === "  lines of a text" || line === "'''";
    const shift = (line: string, by: string) => (line === "" || inText(line) ? line : by + line);
    const answer = [...header.split("\n"), ...all.map((line) => shift(line, "    "))];
    const source = [
      ...header.split("\n").map((line) => indent + line),
      `${indent}    ${docstring}`,
      ...Array<string>(gap).fill(""),
      ...all.map((line) => shift(line, `${indent}    `)),
    ];
    const place = indent === "" ? [] : ["class C:"];
    return { answer: answer.join("\n"), source: `${[...place, ...source].join("\n")}\n\n\nx = 1\n` };
  });

it("takes a function out of its place unchanged but for the docstring", () => {
  fc.assert(
    fc.property(embedded, ({ answer, source }) => {
      const rows = new RowMaker().rowsOf(source, "x.py");
      expect(rows.map(({ output }) => output)).toEqual([answer]);
      expect(rows[0]!.instruction).toMatch(/\n\nSay what\s+it does\.$/);
    }),
    { numRuns: 1000 },
  );
});

it("survives any text", () => {
  const pieces = fc.array(fc.constantFrom("def f(", "a):", "\n    ", '"""', "'", "class C:", "@", ";", "x", "\\", "("));
  fc.assert(
    fc.property(pieces, (parts) => {
      const { functions, skipped } = findFunctions(parts.join(""));
      const counted = Object.values(skipped).reduce((sum, count) => sum + count, functions.length);
      expect(counted).toBeLessThanOrEqual(parts.filter((part) => part === "def f(").length);
    }),
  );
});
