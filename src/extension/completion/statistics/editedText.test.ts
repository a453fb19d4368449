import { describe, expect, it } from "vitest";
import { moveOffset, moveRange, type TextChange, textSimilarity } from "./editedText";

const change = (offset: number, length: number, text: string): TextChange => ({ offset, length, text });

describe("moveRange", () => {
  // Of "0123456789", the range "345".
  it.each([
    ["before", change(0, 1, "xyz"), { start: 5, end: 8 }],
    ["put in at its beginning", change(3, 0, "x"), { start: 4, end: 7 }],
    ["within", change(4, 1, "xyz"), { start: 3, end: 8 }],
    ["put in at its end", change(6, 0, "x"), { start: 3, end: 6 }],
    ["after", change(8, 1, ""), { start: 3, end: 6 }],
    ["over its beginning", change(2, 2, "xyz"), { start: 5, end: 7 }],
    ["over its end", change(5, 3, "xyz"), { start: 3, end: 5 }],
    ["over all of it", change(1, 8, "xy"), { start: 3, end: 3 }],
    ["all of it", change(3, 3, ""), { start: 3, end: 3 }],
  ])("of a change %s", (_, made, expected) => {
    expect(moveRange({ start: 3, end: 6 }, made)).toEqual(expected);
  });
});

describe("moveOffset", () => {
  it.each([
    [change(0, 1, "xyz"), 5],
    [change(3, 0, "x"), 3],
    [change(2, 1, ""), 2],
    [change(2, 2, "x"), null],
    [change(4, 1, "x"), 3],
  ])("after %o", (made, expected) => {
    expect(moveOffset(3, made)).toBe(expected);
  });
});

describe("textSimilarity", () => {
  it.each([
    ["", "", 1],
    ["abc", "abc", 1],
    ["abc", "", 0],
    ["kitten", "sitting", 1 - 3 / 7],
    ["return 1", "return 2", 7 / 8],
  ])("of %j and %j", (one, other, expected) => {
    expect(textSimilarity(one, other)).toBeCloseTo(expected, 12);
    expect(textSimilarity(other, one)).toBeCloseTo(expected, 12);
  });
});
