import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { HeldOutBy } from "../protocol/run";
import { FEWEST_SOURCES, SplitPlanner, type SplitRow } from "./split";

function split(rows: SplitRow[], fraction: number, by: HeldOutBy, seed = 0, counted?: number) {
  const planner = new SplitPlanner(fraction, by, seed, counted);
  for (const row of rows) planner.add(row);
  const heldOut = planner.finish();
  return { held: rows.filter(heldOut), train: rows.filter((row) => !heldOut(row)) };
}

const rowsOf = (count: number, sources: number): SplitRow[] =>
  Array.from({ length: count }, (_, index) => ({
    text: `row ${index}`,
    source: sources === 0 ? null : `${Math.floor(Math.sqrt(index)) % sources}.py`,
  }));

describe("the held-out split", () => {
  it.each([undefined, 3])("has no source on both sides and nothing empty (sources counted: %s)", (counted) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 300 }),
        fc.integer({ min: 2, max: 40 }),
        fc.double({ min: 0.01, max: 0.9, noNaN: true }),
        fc.nat(),
        (count, sources, fraction, seed) => {
          const rows = rowsOf(count, sources);
          fc.pre(new Set(rows.map(({ source }) => source)).size > 1);
          const { held, train } = split(rows, fraction, "source", seed, counted);
          const heldSources = new Set(held.map(({ source }) => source));
          expect(train.some(({ source }) => heldSources.has(source))).toBe(false);
          expect(held.length).toBeGreaterThan(0);
          expect(train.length).toBeGreaterThan(0);
        },
      ),
    );
  });

  it("splits by source by itself where enough sources are named, else by row", () => {
    const each = (sources: number): SplitRow[] =>
      Array.from({ length: 400 }, (_, index) => ({ text: `row ${index}`, source: `${index % sources}.py` }));
    for (const sources of [FEWEST_SOURCES, 40]) {
      expect(split(each(sources), 0.2, "auto")).toEqual(split(each(sources), 0.2, "source"));
    }
    for (const sources of [1, FEWEST_SOURCES - 1]) {
      expect(split(each(sources), 0.2, "auto")).toEqual(split(each(sources), 0.2, "row"));
    }
    expect(split(rowsOf(400, 0), 0.2, "auto")).toEqual(split(rowsOf(400, 0), 0.2, "row"));
    expect(split(each(40), 0.2, "auto", 0, 3)).toEqual(split(each(40), 0.2, "source", 0, 3));
  });

  it("by row: both sides get something wherever two rows differ", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 60 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (count, fraction) => {
          const { held, train } = split(rowsOf(count, 0), fraction, "row");
          expect(held.length).toBeGreaterThan(0);
          expect(train.length).toBeGreaterThan(0);
        },
      ),
    );
  });

  it("holds out about the fraction asked for", () => {
    expect(split(rowsOf(10_000, 0), 0.1, "row").held.length / 10_000).toBeCloseTo(0.1, 1);
    const { held } = split(rowsOf(10_000, 90), 0.1, "source");
    expect(held.length).toBeLessThanOrEqual(1000);
    expect(held.length).toBeGreaterThan(900);
  });

  it("depends on content and seed, not on the order", () => {
    const rows = rowsOf(200, 20);
    for (const by of ["row", "source"] as const) {
      const texts = (order: SplitRow[], seed: number) =>
        split(order, 0.2, by, seed)
          .held.map(({ text }) => text)
          .sort();
      expect(texts([...rows].reverse(), 1)).toEqual(texts(rows, 1));
      expect(texts(rows, 2)).not.toEqual(texts(rows, 1));
    }
  });

  it("keeps equal rows on one side", () => {
    const rows = [...rowsOf(50, 0), ...rowsOf(50, 0)];
    const { held } = split(rows, 0.3, "row");
    const texts = new Set(held.map(({ text }) => text));
    expect(held).toHaveLength(texts.size * 2);
  });

  it("leaves a lone source where it is", () => {
    expect(split(rowsOf(20, 1), 0.5, "source").held).toEqual([]);
  });
});
