import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LengthDistribution } from "./lengthDistribution";

function distributionOf(lengths: readonly number[], sampleSize?: number): LengthDistribution {
  const distribution = new LengthDistribution(sampleSize);
  for (const length of lengths) distribution.add(length);
  return distribution;
}

describe("a distribution of lengths", () => {
  it("has the figures that sorting gives, and every row in its bin", () => {
    const length = fc.oneof(fc.nat(20), fc.nat(3000), fc.integer({ min: 0, max: 2 ** 40 }));
    fc.assert(
      fc.property(fc.array(length, { minLength: 1, maxLength: 50 }), (lengths) => {
        const figures = distributionOf(lengths).figures();
        const sorted = [...lengths].sort((a, b) => a - b);
        expect(figures.min).toBe(sorted[0]);
        expect(figures.max).toBe(sorted.at(-1));
        expect(figures.total).toBe(lengths.reduce((sum, one) => sum + one, 0));
        expect(figures.p50).toBe(sorted[Math.ceil(sorted.length / 2) - 1]);
        expect(figures.p95).toBe(sorted[Math.ceil(sorted.length * 0.95) - 1]);
        const last = figures.histogram.at(-1)!;
        for (const bin of figures.histogram) {
          const to = bin === last ? Number.POSITIVE_INFINITY : bin.to;
          expect(bin.rows).toBe(lengths.filter((one) => one >= bin.from && one < to).length);
        }
        expect(figures.histogram[0]!.rows * last.rows).toBeGreaterThan(0);
      }),
    );
  });

  it("has bins that people can read, each next to the one before", () => {
    const { histogram } = distributionOf([0, 1_000_000]).figures();
    for (const [index, bin] of histogram.entries()) {
      expect(bin.from).toBeLessThan(bin.to);
      if (index > 0) expect(bin.from).toBe(histogram[index - 1]!.to);
    }
    expect(histogram.map(({ from }) => from).filter((from) => from >= 100 && from <= 1000)).toEqual([
      100, 125, 160, 200, 250, 320, 400, 500, 640, 800, 1000,
    ]);
  });

  it("is near the truth from a sample, the same one each time", () => {
    // Sorted: the first 2,000 rows are nothing like the rest.
    const lengths = Array.from({ length: 50_000 }, (_, row) => Math.floor(row / 50));
    const sampled = distributionOf(lengths, 2000).figures();
    // A quantile of 2,000 sampled rows has a standard error of about one percent of them.
    expect(Math.abs(sampled.p50 - 500)).toBeLessThan(60);
    expect(Math.abs(sampled.p95 - 950)).toBeLessThan(30);
    expect(sampled).toMatchObject({ rows: 50_000, min: 0, max: 999 });
    expect(distributionOf(lengths, 2000).figures()).toEqual(sampled);
  });

  it("may be asked and added to in turn", () => {
    const distribution = distributionOf([5, 1]);
    expect(distribution.quantile(0.5)).toBe(1);
    distribution.add(3);
    expect([distribution.quantile(0.5), distribution.quantile(1), distribution.quantile(0)]).toEqual([3, 5, 1]);
  });
});
