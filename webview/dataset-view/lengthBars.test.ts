import { describe, expect, it } from "vitest";
import { lengthBars, lengthTicks, placeOf, rowTicks } from "./lengthBars";

const bins = (...edges: number[]) =>
  edges.slice(0, -1).map((from, index) => ({ from, to: edges[index + 1]!, rows: (index + 1) * 10 }));

describe("the bars of a histogram", () => {
  it("share the width and are as high as their rows are many, below a round top", () => {
    expect(lengthBars(bins(10, 13, 16), null)).toEqual([
      { from: 10, to: 13, rows: 10, left: 0, width: 0.5, height: 0.5, beyond: 0 },
      { from: 13, to: 16, rows: 20, left: 0.5, width: 0.5, height: 1, beyond: 0 },
    ]);
    expect(rowTicks([{ from: 1, to: 2, rows: 1234 }])).toEqual([
      { value: 0, at: 0 },
      { value: 800, at: 0.5 },
      { value: 1600, at: 1 },
    ]);
    expect(rowTicks([{ from: 1, to: 2, rows: 1 }]).map(({ value }) => value)).toEqual([0, 1]);
  });

  it("are beyond the limit as far as they hold lengths that are", () => {
    const beyond = (limit: number) => lengthBars(bins(10, 13, 16, 20), limit).map((bar) => bar.beyond);
    expect([beyond(12), beyond(15), beyond(9), beyond(30)]).toEqual([
      [0, 1, 1],
      [0, 0, 1],
      [1, 1, 1],
      [0, 0, 0],
    ]);
    const [, cut] = beyond(14);
    expect(cut).toBeGreaterThan(0);
    expect(cut).toBeLessThan(0.5);
  });

  it("are none for no rows", () => {
    expect([lengthBars([], 5), lengthTicks([], 8), placeOf([], 5)]).toEqual([[], [], null]);
  });
});

describe("the lengths' axis", () => {
  it("places a length within its bin", () => {
    const histogram = bins(8, 16, 32);
    expect([8, 16, 31.999].map((length) => placeOf(histogram, length))).toEqual([0, 0.5, expect.closeTo(1, 3)]);
    expect(placeOf(histogram, Math.sqrt(8 * 16))).toBeCloseTo(0.25);
    expect([placeOf(histogram, 7), placeOf(histogram, 32)]).toEqual([null, null]);
    expect(placeOf(bins(0, 1, 2), 0)).toBe(0);
  });

  it("is labelled at round lengths, fewer where there is less room", () => {
    const histogram = bins(8, 9, 10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100, 125, 160, 200, 250);
    expect(lengthTicks(histogram, 8).map(({ value }) => value)).toEqual([10, 20, 50, 100, 200]);
    expect(lengthTicks(histogram, 3).map(({ value }) => value)).toEqual([10, 100]);
    expect(lengthTicks(bins(640, 800, 1000), 4).map(({ value }) => value)).toEqual([640, 800, 1000]);
    expect(lengthTicks(bins(30, 40), 4)).toEqual([
      { value: 30, at: 0 },
      { value: 40, at: 1 },
    ]);
  });
});
