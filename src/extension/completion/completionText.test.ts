import { expect, it } from "vitest";
import { endsHeader } from "./completionText";

it.each<[string, boolean]>([
  ["def add(a, b):", true],
  [") -> int: ", true],
  ["else:", true],
  ["    ", false],
  ["return a", false],
  ["price:", false],
  ["key = lambda x:", false],
])("%j ends a header: %s", (line, header) => {
  expect(endsHeader(line)).toBe(header);
});
