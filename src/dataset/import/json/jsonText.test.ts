import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nullForNonFinite, oneLine, parseText } from "./jsonText";

describe("oneLine", () => {
  it("removes the line breaks of any JSON and no character of its values", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(1, 4, "\t"), (value, space) => {
        expect(oneLine(JSON.stringify({ value }, null, space))).toBe(JSON.stringify({ value }));
      }),
    );
  });

  it("keeps what a parsed value does not", () => {
    expect(oneLine('{\n"id": 12345678901234567890,\r\n"a": 1, "a": "x \\" \\\\"}')).toBe(
      '{"id":12345678901234567890,"a":1,"a":"x \\" \\\\"}',
    );
  });
});

describe("nullForNonFinite", () => {
  it("replaces the words outside of strings alone", () => {
    expect(nullForNonFinite('{"a": NaN, "NaN": "-Infinity \\" NaN", "b": [-Infinity, Infinity]}')).toEqual({
      text: '{"a": null, "NaN": "-Infinity \\" NaN", "b": [null, null]}',
      count: 3,
    });
  });
});

describe("parseText", () => {
  it("says where a fault is", () => {
    expect(parseText('{"a": "😀",\n "b": tru}')).toMatchObject({ text: null, line: 2, column: 7 });
    expect(parseText('{"a": NaN, "b": }')).toMatchObject({ text: null, message: expect.stringContaining("NaN") });
  });
});
