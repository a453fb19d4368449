import { describe, expect, it } from "vitest";
import { binomialHalf, fisherExact } from "./exactTests";

const fisher = (a: number, b: number, c: number, d: number) =>
  fisherExact({ successes: a, cases: a + b }, { successes: c, cases: c + d });

/** Expected values: scipy.stats.fisher_exact and binomtest. */
describe("fisherExact", () => {
  it.each([
    // Fisher's lady tasting tea.
    [3, 1, 1, 3, 0.4857142857],
    [1, 9, 11, 3, 0.0027594562],
    [8, 2, 1, 5, 0.034965035],
    [0, 10, 10, 0, 0.0000108251],
    [5, 5, 5, 5, 1],
  ])("of %i/%i against %i/%i", (a, b, c, d, expected) => {
    expect(fisher(a, b, c, d)).toBeCloseTo(expected, 8);
  });

  it("is the same for both orders of the sides", () => {
    expect(fisher(30, 70, 45, 55)).toBeCloseTo(fisher(45, 55, 30, 70), 12);
  });

  it("says chance where a side has no cases", () => {
    expect(fisher(3, 4, 0, 0)).toBe(1);
    expect(fisher(0, 0, 0, 0)).toBe(1);
  });

  it("holds for thousands of cases", () => {
    const p = fisher(3000, 7000, 3150, 6850);
    expect(p).toBeGreaterThan(0.02);
    expect(p).toBeLessThan(0.03);
  });
});

describe("binomialHalf", () => {
  it.each([
    [5, 10, 1],
    [0, 5, 0.0625],
    [9, 10, 0.021484375],
    [1, 10, 0.021484375],
    [60, 100, 0.0568879],
    [0, 0, 1],
  ])("of %i of %i", (successes, cases, expected) => {
    expect(binomialHalf(successes, cases)).toBeCloseTo(expected, 6);
  });
});
