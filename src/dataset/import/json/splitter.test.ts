import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonSplitter, type Wanted } from "./splitter";

/** Splits `text` in chunks of `size` bytes. */
function split(text: string, wanted: Wanted, size = 7, longest?: number) {
  const bytes = Buffer.from(text);
  const splitter = new JsonSplitter("f.json", wanted, longest);
  const found = [];
  for (let at = 0; at < bytes.length; at += size) found.push(...splitter.push(bytes.subarray(at, at + size)));
  return [...found, ...splitter.end()];
}

const elements: Wanted = { kind: "elements" };
const indent = fc.constantFrom(undefined, 1, "\t");

describe("JsonSplitter", () => {
  it("finds the elements of any array, wherever the chunks are cut", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), indent, fc.integer({ min: 1, max: 40 }), (values, space, size) => {
        const found = split(JSON.stringify(values, null, space), elements, size);
        expect(found.map(({ text }) => JSON.parse(text))).toEqual(JSON.parse(JSON.stringify(values)));
      }),
    );
  });

  it("says where each element begins, in lines and UTF-16 columns", () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue(), { minLength: 1 }),
        indent,
        fc.integer({ min: 1, max: 9 }),
        (values, space, size) => {
          const text = JSON.stringify(["😀é", ...values], null, space);
          const lines = text.split("\n");
          for (const found of split(text, elements, size)) {
            const offset =
              lines.slice(0, found.line - 1).reduce((sum, line) => sum + line.length + 1, 0) + found.column - 1;
            expect(text.slice(offset, offset + found.text.length)).toBe(found.text);
          }
        },
      ),
    );
  });

  it("finds the array at an object's key and skips all others", () => {
    const text = JSON.stringify({
      version: "[1",
      skip: [{ data: [3] }],
      data: [{ a: "]" }, { b: 2 }],
      after: { data: [1] },
    });
    expect(split(text, { kind: "member", key: "data" }).map((element) => element.text)).toEqual([
      '{"a":"]"}',
      '{"b":2}',
    ]);
    expect(() => split(text, { kind: "member", key: "rows" })).toThrow('f.json has no array "rows".');
  });

  it("finds values that follow each other", () => {
    expect(split('{"a": 1}\n{"a":\n2}{"a": 3} 4 ', { kind: "values" }).map(({ text }) => JSON.parse(text))).toEqual([
      { a: 1 },
      { a: 2 },
      { a: 3 },
      4,
    ]);
  });

  it.each([
    ['[{"a": 1}', "f.json, line 1, column 10: the file ends here, before its JSON does, as if it were cut off."],
    ['[\n {"a": 1}\n {"a": 2}]', 'f.json, line 3, column 2: a comma or "]" is expected between the array\'s elements.'],
    ['["😀",,]', 'f.json, line 1, column 7: a value is expected before this ",".'],
    ['["a",]', 'f.json, line 1, column 6: a value is expected before this "]".'],
    ["[] x", "f.json, line 1, column 4: nothing may follow after the end of the JSON."],
    ['["never closed', "f.json, line 1, column 15: the file ends here, before its JSON does, as if it were cut off."],
  ])("names the place of a fault: %s", (text, message) => {
    expect(() => split(text, elements)).toThrow(message);
  });

  it("takes deep nesting in its stride and refuses an element beyond the limit", () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    expect(split(`[${deep}]`, elements, 65_536)[0]?.text).toBe(deep);
    expect(() => split(`[1,\n"${"x".repeat(2_000_000)}"]`, elements, 65_536, 1_048_576)).toThrow(
      "f.json, line 2, column 1: the value that begins here is longer than 1 MiB",
    );
  });
});
