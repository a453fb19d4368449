import { expect, it } from "vitest";
import { matchesGlob } from "./globs";

it.each([
  ["/a/b/c.jsonl", "c.jsonl", true],
  ["/a/b/c.jsonl", "./c.jsonl", true],
  ["/a/b/cc.jsonl", "c.jsonl", false],
  ["/a/b/c.jsonl", "b/*.jsonl", true],
  ["/a/b/c.jsonl", "a/*.jsonl", false],
  ["/a/b/c.jsonl", "a/**/*.jsonl", true],
  ["/a/c.jsonl", "a/**/*.jsonl", true],
  ["/a/b/c.jsonl", "a/**", true],
  ["/a/b/c.jsonl", "?.jsonl", true],
  ["/a/b/(c).jsonl", "(c).jsonl", true],
])("%s fits %s: %s", (path, glob, expected) => {
  expect(matchesGlob(path, glob)).toBe(expected);
});

it("is soon told of any glob", () => {
  expect(matchesGlob(`/${"a/".repeat(500)}a`, `${"**/*a*/".repeat(200)}b`)).toBe(false);
});
