import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { joinBrokenRow, opensArrayOfRows, unwrapArray } from "./lineFixes";

const lines = (text: string) => text.split("\n").map((line) => ({ text: line }));

function unwrapped(text: string): string[] | null {
  const work = unwrapArray(lines(text));
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

const row = fc.dictionary(
  fc.string({ unit: "binary" }).filter((key) => key.isWellFormed()),
  fc.jsonValue(),
  {
    minKeys: 1,
    maxKeys: 3,
  },
);
/** What JSON.stringify makes of values that JSON.parse read: no -0. */
const asParsed = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe("a row broken over lines", () => {
  it("is joined as it was, whatever follows", () => {
    fc.assert(
      fc.property(row, fc.constantFrom("", ","), (value, comma) => {
        const broken = JSON.stringify(value, null, 2);
        const joined = joinBrokenRow(lines(`${broken}${comma}\n{"a": 1}\n`), 0);
        const count = broken.split("\n").length;
        if (count === 1) expect(joined).toBeNull();
        else {
          expect(joined).toMatchObject({ count, certain: true });
          expect(joined!.text).not.toContain("\n");
          expect(JSON.parse(joined!.text)).toEqual(asParsed(value));
        }
      }),
    );
  });

  it("may be broken within a text: then it says that it guessed", () => {
    expect(joinBrokenRow(lines('{"a": "one \n  two", "b": 1}\n{"c": 2}'), 0)).toEqual({
      count: 2,
      text: '{"a": "one \\n  two", "b": 1}',
      certain: false,
    });
  });

  it("is mended where only a comma is too many", () => {
    expect(joinBrokenRow(lines('{\n  "a": 1,\n  "b": [\n    2,\n  ],\n}\n'), 0)?.text).toBe('{"a": 1, "b": [2 ] }');
  });

  it.each(['{"a": 1}\n{"b": 2}', '{"a": 1\n{"b": 2}', "{\n}}", "[\n1]", "", '{"a": \n nonsense}'])(
    "is not seen in %j",
    (text) => {
      expect(joinBrokenRow(lines(text), 0)).toBeNull();
    },
  );
});

describe("an array of rows", () => {
  it("becomes a line an object, however it is laid out", () => {
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(0, 1, 4),
        fc.boolean(),
        (rows, indent, apart) => {
          const text = JSON.stringify(rows, null, indent);
          const found = unwrapped(apart ? `\n${text.replace(/^\[/, "[\n")}\n\n` : text);
          expect(found?.map((line) => JSON.parse(line))).toEqual(asParsed(rows));
          expect(found?.some((line) => line.includes("\n"))).toBe(false);
        },
      ),
    );
  });

  it("keeps rows byte for byte that stand on a line each", () => {
    const rows = ['{"a" : "\\u00e9",  "b":[1,2]}', '{"a":"]} , {["}'];
    expect(unwrapped(`[\n${rows.join(",\n")}\n]\n`)).toEqual(rows);
  });

  it.each([
    "[1, 2]",
    '[{"a": 1}, 2]',
    '[{"a": 1}',
    '[{"a": 1}]]',
    '{"a": [{"b": 1}]}',
    '[{"a": 1}] {"b": 2}',
    '[{"a": 1,}]',
    "[]",
    "",
  ])("is not seen in %j", (text) => {
    expect(unwrapped(text)).toBeNull();
  });

  it("is told from a row that is an array", () => {
    expect(opensArrayOfRows(lines('\n[\n{"a": 1}\n]'))).toBe(true);
    expect(opensArrayOfRows(lines("[1]\n[2]"))).toBe(false);
    expect(opensArrayOfRows(lines('{"a": [\n1]}'))).toBe(false);
  });
});
