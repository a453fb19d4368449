import { describe, expect, it } from "vitest";
import { Series } from "./series";

const MOST = 1 << 18;

describe("a series of a run", () => {
  it("takes each step once, in order", () => {
    const series = new Series();
    for (const step of [1, 2, 2, 1, 5]) series.add(step, step * 10);
    expect(series.steps).toEqual([1, 2, 5]);
    expect(series.values).toEqual([10, 20, 50]);
    expect(series.truncateAfter(2)).toBe(true);
    expect(series.truncateAfter(2)).toBe(false);
    expect(series.points()).toEqual([
      { step: 1, value: 10 },
      { step: 2, value: 20 },
    ]);
  });

  it("stays bounded however long the run is, and keeps its first step, its last ones and every peak", () => {
    const series = new Series();
    const peaks = new Map([
      [777, 99],
      [300_001, -99],
      [654_321, 98],
    ]);
    let thinned = 0;
    for (let step = 1; step <= 1_000_000; step++) {
      if (series.add(step, peaks.get(step) ?? Math.sin(step))) thinned++;
    }
    expect(series.length).toBeLessThanOrEqual(MOST);
    expect(thinned).toBeGreaterThan(3);
    expect(series.steps[0]).toBe(1);
    expect(series.lastStep).toBe(1_000_000);
    for (const [step, value] of peaks) expect(series.values[series.steps.indexOf(step)]).toBe(value);
    expect(series.steps.every((step, index) => index === 0 || step > series.steps[index - 1]!)).toBe(true);
  });
});
