import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type RowDescription, RowSample } from "./rowSample";

const described = (row: number): RowDescription => ({
  title: `row ${row}`,
  length: row,
  language: "prose",
  task: "say",
});

function sample(rows: number, most: number): RowSample {
  const picked = new RowSample(most);
  for (let row = 1; row <= rows; row++) picked.add(row, () => described(row));
  return picked;
}

describe("a sample of rows", () => {
  it("has all rows of a small file", () => {
    expect(sample(5, 10).list()).toMatchObject([1, 2, 3, 4, 5].map((row) => ({ row, description: described(row) })));
  });

  it("is spread evenly over a large one, and never larger than asked for", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 2, max: 100 }), (rows, most) => {
        const picked = sample(rows, most)
          .list()
          .map(({ row }) => row);
        expect(picked.length).toBeLessThanOrEqual(most);
        expect(picked.length).toBeGreaterThanOrEqual(Math.min(rows, most / 2));
        const gaps = new Set(picked.slice(1).map((row, index) => row - picked[index]!));
        expect(gaps.size).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("holds the first rows of each check, whatever else is picked", () => {
    const picked = new RowSample(4);
    for (let row = 1; row <= 200; row++) {
      picked.problem(row, "secret", `found in ${row}`);
      if (row === 150) picked.problem(row, "refusal", "refused");
      picked.add(row, () => described(row));
    }
    const rows = picked.list();
    expect(rows.filter(({ row }) => row <= 50)).toHaveLength(50);
    const [refused] = rows.filter(({ row }) => row === 150);
    expect(refused).toMatchObject({
      description: described(150),
      problems: [
        { check: "secret", message: "found in 150" },
        { check: "refusal", message: "refused" },
      ],
    });
    expect(rows.filter(({ row }) => row > 50 && row !== 150).every(({ problems }) => problems.length === 1)).toBe(true);
    expect(rows.length).toBeLessThanOrEqual(55);
  });

  it("takes what is found in a row that has gone by, and in one that cannot be read", () => {
    const picked = sample(3, 10);
    picked.problem(2, "near-duplicate", "late");
    picked.problem(4, "json-syntax", "Expected a key.");
    expect(picked.list().map(({ row, description, problems }) => [row, description?.length, problems.length])).toEqual([
      [1, 1, 0],
      [2, 2, 1],
      [3, 3, 0],
      [4, undefined, 1],
    ]);
  });

  it("counts a check once for a row, however often it was found there", () => {
    const picked = new RowSample(2);
    for (let row = 1; row <= 60; row++) {
      for (let times = 0; times < 3; times++) picked.problem(row, "secret", "x");
    }
    expect(picked.list()).toHaveLength(50);
    expect(picked.list()[0]!.problems).toHaveLength(3);
  });
});
