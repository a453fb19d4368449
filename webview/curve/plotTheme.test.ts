import { describe, expect, it } from "vitest";
import { aboveZero, logRange, logTicks, paddedRange } from "./plotTheme";

describe("a logarithmic scale", () => {
  it("has no place for what is not above 0", () => {
    expect(aboveZero([1, 0, -2, null, undefined, 0.5])).toEqual([1, null, null, null, null, 0.5]);
  });

  it.each([
    [2.1, 2.9],
    [0.01, 12],
    [1e-9, 1e9],
    [2, 2.0001],
  ])("has round marks from %d to %d, in order and inside", (low, high) => {
    const ticks = logTicks(low, high);
    expect(ticks.length).toBeLessThanOrEqual(6);
    expect(ticks.every((tick, at) => tick >= low && tick <= high && (at === 0 || tick > ticks[at - 1]!))).toBe(true);
  });
});

describe("the room that lines get", () => {
  it("is a little more than they need, and never less than nothing", () => {
    expect(paddedRange(1, 2)).toEqual([0.92, 2.08]);
    expect(paddedRange(0.01, 2)[0]).toBe(0);
    expect(paddedRange(null, null)).toEqual([0, 1]);
  });

  it("puts a flat line in the middle, however small its value", () => {
    const [low, high] = paddedRange(2e-4, 2e-4);
    expect((low + high) / 2).toBeCloseTo(2e-4, 10);
    expect(high - low).toBeLessThan(1e-4);
    expect(paddedRange(0, 0)).toEqual([0, 1]);
  });

  it.each([
    [-1.7e308, 1.7e308],
    [-5, -5],
    [0, 1.7e308],
  ])("ends somewhere from %d to %d", (low, high) => {
    for (const range of [paddedRange(low, high), logRange(low, high)]) {
      expect(range.every(Number.isFinite)).toBe(true);
      expect(range[1]).toBeGreaterThan(range[0]);
    }
  });
});
