import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson } from "./parser";
import { hasRepeatedKey } from "./repeatedKeys";

const repeated = (text: string) => hasRepeatedKey(text, JSON.parse(text));

describe("hasRepeatedKey", () => {
  it.each([
    ['{"a": 1, "a": 2}', true],
    ['{"a": 1, "\\u0061": 2}', true],
    ['{"ab": 1, "a\\u0062": 2}', true],
    ['{"ab": 1, "cd" \t: 2, "ab"  : 3}', true],
    ['[{"b": {"c": "", "c" : ""}}]', true],
    ['{"a": ":", "b": "x\\":\\"y", "c\\\\": [1, "d:"]}', false],
    ['{"": "", "__proto__": {"": 1}}', false],
    ['"text"', false],
    ["[]", false],
  ])("%s", (text, expected) => {
    expect(repeated(text)).toBe(expected);
  });

  it("agrees with the parser on any value", () => {
    fc.assert(
      fc.property(fc.json(), fc.integer({ min: 0, max: 3 }), (text, indent) => {
        const spaced = JSON.stringify(JSON.parse(text), null, indent);
        const parsed = parseJson(spaced);
        expect(repeated(spaced)).toBe(parsed.ok && parsed.duplicateKeys.length > 0);
      }),
    );
  });

  it("copes with 100,000 nested arrays", () => {
    expect(repeated("[".repeat(100_000) + "]".repeat(100_000))).toBe(false);
  });
});
