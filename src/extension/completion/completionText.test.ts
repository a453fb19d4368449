import { expect, it } from "vitest";
import { wantsBlock } from "./completionText";

it.each<[string, string, boolean]>([
  ["def add(a, b):", "", true],
  [") -> int: ", "", true],
  ["else:", "", true],
  ["    ", "", true],
  ["", "]", true],
  ["    ", "x = 1", false],
  ["x = f(", ")", false],
  ["return a", "", false],
  ["price:", "", false],
  ["key = lambda x:", "", false],
])("%j|%j: a block is %s", (before, after, block) => {
  expect(wantsBlock(before, after)).toBe(block);
});
