import { describe, expect, it } from "vitest";
import { canComplete, closesNothing, remainderAfterTyping, wantsBlock } from "./completionText";

describe("what is asked for", () => {
  it.each<[string, string, boolean]>([
    ["def add(a, b):", "", true],
    ["    for x in y:  # each", "", true],
    ["    ", "", true],
    ["", "", true],
    ["x = f(", ")", false],
    ["return a", "", false],
  ])("%j|%j: a block is %s", (before, after, block) => {
    expect(wantsBlock(before, after)).toBe(block);
  });

  it.each<[string, string, boolean]>([
    ["def add(", ")", true],
    ["x = fo", "o()", false],
    ["  # a note", "", false],
    ["x = 1  # a note", "", true],
    ["f(a", ", b)", true],
  ])("%j|%j: completion is tried: %s", (before, after, tried) => {
    expect(canComplete(before, after)).toBe(tried);
  });
});

it.each<[string, string, boolean]>([
  [")", "    return len(prices)", true],
  [")", "    return len(prices", false],
  [")\n", "x = 1", true],
  [")", "    ", false],
  [") + 1", "x = 1", false],
])("%j after %j closes nothing: %s", (text, before, nothing) => {
  expect(closesNothing(text, before)).toBe(nothing);
});

describe("a suggestion that is typed along", () => {
  it("loses what was typed", () => {
    expect(remainderAfterTyping("return a + b", "return ")).toBe("a + b");
  });
  it("is gone when something else was typed or nothing is left", () => {
    expect(remainderAfterTyping("return a", "raise")).toBeNull();
    expect(remainderAfterTyping("return", "return")).toBeNull();
  });
});
