import { describe, expect, it } from "vitest";
import { matchesSearch } from "./matchRun";

const texts = ["Crème Brûlée", "#best", "#lr-sweep", "/models/tiny-python", "/data/shop.jsonl", "failed: no memory"];

describe("searching runs", () => {
  it.each([[""], ["   "], ["creme"], ["BRÛLÉE best"], ["#lr"], ["tiny shop failed"], ["memory"]])(
    "finds %j",
    (search) => {
      expect(matchesSearch(search, texts)).toBe(true);
    },
  );

  it.each([["creme worst"], ["#sweep"], ["best#lr"], [".*"], ["crème  brulee x"]])("does not find %j", (search) => {
    expect(matchesSearch(search, texts)).toBe(false);
  });
});
