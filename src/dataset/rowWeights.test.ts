import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RowWeights } from "./rowWeights";

/** The copies of rows 1 to n, asked for in pieces of the given sizes. */
function copiesOf(weight: number, n: number, seed = 0, piece = 7, source = 0): number[] {
  const weights = new RowWeights(weight, seed, source);
  const rows = Array.from({ length: n }, (_, index) => index + 1);
  const copies: number[] = [];
  for (let at = 0; at < n; at += piece) copies.push(...weights.next(rows.slice(at, at + piece)));
  return copies;
}
const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);

const weight = fc.double({ min: 0.01, max: 20, noNaN: true });
const rows = fc.integer({ min: 1, max: 300 });

describe("rows by weight", () => {
  it("are as many as the weight says, to the row", () => {
    fc.assert(
      fc.property(weight, rows, fc.nat(), fc.integer({ min: 1, max: 50 }), (w, n, seed, piece) => {
        const whole = Math.floor(w);
        const copies = copiesOf(w, n, seed, piece);
        const extra = Math.round(n * (w - whole));
        expect(sum(copies)).toBe(whole * n + (whole === 0 ? Math.max(1, extra) : extra));
        for (const copy of copies) expect([whole, whole + 1]).toContain(copy);
      }),
    );
  });

  it("are the same for the same seed, and others for another", () => {
    expect(copiesOf(0.5, 200, 3)).toEqual(copiesOf(0.5, 200, 3));
    expect(copiesOf(0.5, 200, 3)).not.toEqual(copiesOf(0.5, 200, 4));
    expect(copiesOf(0.5, 200, 3)).not.toEqual(copiesOf(0.5, 200, 3, 7, 1));
  });

  it("are spread over the file", () => {
    const copies = copiesOf(0.25, 400, 0, 100);
    for (let at = 0; at < 400; at += 100) expect(sum(copies.slice(at, at + 100))).toBe(25);
  });
});
