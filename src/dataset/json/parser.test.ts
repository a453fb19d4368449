import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type JsonError, type JsonNode, parseJson, stringValue } from ".";

const SUITE = join(__dirname, "../../../test/fixtures/json-test-suite");

/** The verdict and the value that JSON.parse gives. */
function reference(text: string): { ok: boolean; value?: unknown } {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false };
  }
}

/** Rebuilds the value from the tree's offsets alone. */
function rebuild(text: string, node: JsonNode): unknown {
  switch (node.kind) {
    case "string":
      return stringValue(text, node);
    case "number":
      return Number(text.slice(node.offset, node.offset + node.length));
    case "array":
      return node.items.map((item) => rebuild(text, item));
    case "object":
      return Object.fromEntries(node.members.map(({ key, value }) => [stringValue(text, key), rebuild(text, value)]));
    default:
      return JSON.parse(node.kind);
  }
}

function errorOf(text: string): JsonError {
  const result = parseJson(text);
  if (result.ok) throw new Error(`accepted: ${text}`);
  return result.error;
}

describe("JSONTestSuite", () => {
  const files = readdirSync(SUITE).filter((name) => name.endsWith(".json"));
  it("is there", () => expect(files.length).toBeGreaterThan(150));

  it.each(files)("%s", (name) => {
    const bytes = readFileSync(join(SUITE, name));
    let text: string;
    try {
      text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      // Not UTF-8: refused by whoever decodes, never seen by the parser.
      expect(name).toMatch(/^[in]_/);
      return;
    }
    const { ok } = parseJson(text);
    if (name.startsWith("y_")) expect(ok).toBe(true);
    if (name.startsWith("n_")) expect(ok).toBe(false);
    expect(ok).toBe(reference(text).ok);
  });
});

describe("agreement with JSON.parse", () => {
  const alphabet = [
    '"',
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "-",
    "+",
    ".",
    "0",
    "1",
    "e",
    "E",
    "u",
    "n",
    "t",
    "f",
    " ",
  ];
  const odd = [
    "\t",
    "\n",
    "\r",
    "\u0000",
    "\u00a0",
    "\ufeff",
    "\u2028",
    "\ud83d",
    "é",
    "'",
    "/",
    "true",
    "null",
    "\\u12",
  ];
  const piece = fc.constantFrom(...alphabet, ...odd);
  const json = fc
    .json({ maxDepth: 4, stringUnit: "binary" })
    .chain((text) => fc.constantFrom(text, JSON.stringify(JSON.parse(text), null, 1)));

  it("accepts valid texts and keeps their values", () => {
    fc.assert(
      fc.property(json, (text) => {
        const result = parseJson(text);
        expect(result.ok).toBe(true);
        if (result.ok) expect(JSON.stringify(rebuild(text, result.root))).toBe(JSON.stringify(JSON.parse(text)));
      }),
      { numRuns: 500 },
    );
  });

  it("gives the same verdict on mutated texts, with an error inside the text", () => {
    fc.assert(
      fc.property(
        json,
        fc.array(fc.tuple(fc.nat(), fc.nat(3), piece), { minLength: 1, maxLength: 3 }),
        (start, edits) => {
          let text = start;
          for (const [place, removed, inserted] of edits) {
            const at = place % (text.length + 1);
            text = text.slice(0, at) + inserted + text.slice(at + removed);
          }
          const result = parseJson(text);
          expect(result.ok).toBe(reference(text).ok);
          if (!result.ok) {
            expect(result.error.offset).toBeGreaterThanOrEqual(0);
            expect(result.error.offset + result.error.length).toBeLessThanOrEqual(text.length);
            expect(result.error.length > 0 || result.error.offset === text.length).toBe(true);
          }
        },
      ),
      { numRuns: 5000 },
    );
  });

  it("gives the same verdict on noise", () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join("");
        expect(parseJson(text).ok).toBe(reference(text).ok);
      }),
      { numRuns: 5000 },
    );
  });
});

it("nests deeper than any stack", () => {
  const depth = 200_000;
  expect(parseJson("[".repeat(depth) + "]".repeat(depth)).ok).toBe(true);
  expect(parseJson(`${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`).ok).toBe(true);
  expect(errorOf("[".repeat(depth)).offset).toBe(depth);
  expect(errorOf('[{"":'.repeat(depth)).offset).toBe(5 * depth);
});

/** The text up to the error, and the marked part. */
const marked = (text: string) => {
  const { offset, length, message } = errorOf(text);
  return [offset, text.slice(offset, offset + length), message];
};

describe("messages", () => {
  it.each<[string, number, string, string]>([
    ["", 0, "", "Expected a JSON value, but the row is empty"],
    ['{"output": "a" "input": 1}', 15, '"', 'Expected a comma or "}" after the value of "output"'],
    ['{"output": "a"', 14, "", 'Expected a comma or "}" after the value of "output", but the row ends here'],
    ['{"a": [1 2]}', 9, "2", 'Expected a comma or "]" after item 1'],
    ['{"a": [1, 2}', 11, "}", 'Expected a comma or "]" after item 2, found "}"'],
    [
      '{"output": "print("hi")"}',
      19,
      "hi",
      'Expected a comma or "}" after the value of "output": a quote inside a string must be written as \\"',
    ],
    ['{"output": "abc}', 11, '"abc}', "The string that starts here is not closed on this line"],
    ['{"output": "abc\\', 11, '"abc\\', "The string that starts here is not closed on this line"],
    ['{"output": "a\nb"}', 13, "\n", "A line break inside a string must be written as \\n"],
    ['{"output": "a\tb"}', 13, "\t", "A tab inside a string must be written as \\t"],
    ['{"output": "a\u0001b"}', 13, "\u0001", "The control character U+0001 inside a string must be written as \\u0001"],
    ['{"a": 1,}', 7, ",", 'Remove the comma after the value of "a": nothing follows it'],
    ["[1,2 ,]", 5, ",", "Remove the comma after item 2: nothing follows it"],
    ["[1,", 3, "", "Expected item 2, but the row ends here"],
    ["[", 1, "", 'Expected a value or "]", but the row ends here'],
    ["[,1]", 1, ",", 'Expected a value or "]" before this comma'],
    ["{", 1, "", 'Expected a key in double quotes or "}", but the row ends here'],
    ['{"a":1,', 7, "", "Expected another key in double quotes, but the row ends here"],
    ["{'a': 1}", 1, "'a'", 'A key must stand in double quotes ("), not single ones'],
    ["{\"a\": 'b'}", 6, "'b'", 'Text must stand in double quotes ("), not single ones'],
    ["{“a”: 1}", 1, "“a”", 'A key must stand in double quotes ("), not curly ones'],
    ["{output: 1}", 1, "output", 'The key "output" must stand in double quotes'],
    ["{1: 2}", 1, "1", 'Expected a key in double quotes or "}", found "1"'],
    ['{"a" 1}', 5, "1", 'Expected a colon after the key "a"'],
    ['{"a"', 4, "", 'Expected a colon and a value after the key "a", but the row ends here'],
    ['{"a":}', 5, "}", 'Expected a value for "a" before this "}"'],
    ['{"a":', 5, "", 'Expected a value for "a", but the row ends here'],
    ['{"a": NaN}', 6, "NaN", "NaN is not JSON: use a number or null"],
    ['{"a": -Infinity}', 6, "-Infinity", "-Infinity is not JSON: use a number or null"],
    ['{"a": True}', 6, "True", "Python's True is written true in JSON"],
    ['{"a": None}', 6, "None", "Python's None is written null in JSON"],
    ['{"a": nul}', 6, "nul", '"nul" is not a JSON value: expected null'],
    ['{"a": hello}', 6, "hello", 'Text must stand in double quotes: "hello" has none'],
    ['{"a": constructor}', 6, "constructor", 'Text must stand in double quotes: "constructor" has none'],
    ['{"a": 01}', 6, "01", "A number must not start with 0"],
    ['{"a": +1}', 6, "+1", 'A number must not start with "+"'],
    ['{"a": .5}', 6, ".5", "A number needs a digit before the decimal point"],
    ['{"a": 1.}', 6, "1.", "A number needs a digit after the decimal point"],
    ['{"a": 1.5e}', 6, "1.5e", "A number needs a digit after the exponent's e"],
    ['{"a": 1e+}', 6, "1e+", "A number needs a digit after the exponent's e"],
    ['{"a": -}', 6, "-", "A minus sign must be followed by a digit"],
    ['{"a": 0x1F}', 6, "0x1F", "A number must be written in decimal"],
    ['{"a": 12abc}', 6, "12abc", '"12abc" is not a JSON number'],
    ['{"a": 1} // why', 9, "// why", "JSON has no comments: remove this one"],
    ['{"a": /* x */ 1}', 6, "/* x */", "JSON has no comments: remove this one"],
    ["# rows", 0, "# rows", "JSON has no comments: remove this one"],
    ['{"a": "\\x41"}', 7, "\\x", "\\x is not a JSON escape: a backslash itself is written as \\\\"],
    ['{"a": "it\\\'s"}', 9, "\\'", "\\' is not a JSON escape: write ' without a backslash"],
    ['{"a": "\\u12G4"}', 7, "\\u12", "\\u must be followed by four hexadecimal digits, as in \\u00e9"],
    ['{"a": "\\😀"}', 7, "\\😀", "\\😀 is not a JSON escape: a backslash itself is written as \\\\"],
    ['{"😀": "x" y}', 11, "y", 'Expected a comma or "}" after the value of "😀"'],
    ['{"a": 1},', 8, ",", "Remove the comma after this row: rows are separated by line breaks alone"],
    ['{"a": 1} {"a": 2}', 9, "{", "A second value starts here: each row needs a line of its own"],
    ['{"a": 1}}', 8, "}", 'Remove this "}": nothing is open here'],
    ["1 é", 2, "é", 'Expected the end of the row, found "é"'],
    ['\ufeff{"a": 1}', 0, "\ufeff", "Remove the byte order mark: it may stand only at the file's start"],
    ['{"a":\u00a01}', 5, "\u00a0", "Replace the character U+00A0 by an ordinary space"],
  ])("%j", (text, offset, part, message) => {
    expect(marked(text)).toEqual([offset, part, message]);
  });

  it("cuts long names", () => {
    const key = "k".repeat(100);
    expect(errorOf(`{"${key}": }`).message).toBe(`Expected a value for "${"k".repeat(40)}…" before this "}"`);
  });
});

describe("repeated keys", () => {
  const repeated = (text: string) => {
    const result = parseJson(text);
    return result.ok ? result.duplicateKeys : [];
  };
  it("are found in each object apart, by what they stand for", () => {
    expect(repeated('{"a": 1, "b": {"a": 2}, "\\u0061": 3}')).toEqual([
      { key: "a", offset: 24, length: 8, firstOffset: 1 },
    ]);
    expect(repeated('[{"a": 1}, {"a": 1}, {"__proto__": 1, "toString": 2}]')).toEqual([]);
  });
  it("are found in objects with many keys", () => {
    const keys = Array.from({ length: 40 }, (_, index) => `"k${index}":0`);
    const text = `{${[...keys, '"k3":1', '"k39":1'].join(",")}}`;
    expect(repeated(text).map(({ key, offset, firstOffset }) => [key, offset, firstOffset])).toEqual([
      ["k3", text.lastIndexOf('"k3":'), text.indexOf('"k3":')],
      ["k39", text.lastIndexOf('"k39":'), text.indexOf('"k39":')],
    ]);
  });
});
