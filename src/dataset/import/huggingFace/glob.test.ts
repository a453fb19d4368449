import { describe, expect, it } from "vitest";
import { matchesGlob } from "./glob";

describe("matchesGlob", () => {
  it.each([
    ["data/train-00000-of-00001.parquet", "data/train-*", true],
    ["data/train-00000-of-00001.parquet", "data/train-[0-9]*.parquet", true],
    ["data/train.parquet", "data/train-*", false],
    ["a/b/c.json", "**/*.json", true],
    ["c.json", "**/c.json", true],
    ["a/b/c.json", "a/*.json", false],
    ["a/b.csv", "./a/?.csv", true],
    ["a/b.csv", "a/[!b].csv", false],
    ["a/b.csv", "a/[", false],
    ["train.csv", "train.csv", true],
  ])("%s against %s: %s", (path, pattern, expected) => {
    expect(matchesGlob(path, pattern)).toBe(expected);
  });

  it("does not run away on a pattern of many stars", () => {
    expect(matchesGlob("a".repeat(5000), `${"*a".repeat(200)}b`)).toBe(false);
  });
});
