import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BlockFormat, bytesOfRow, dequantiseRows, quantiseRows } from "./quantise";

const formats: BlockFormat[] = ([4, 8] as const).flatMap((bits) =>
  ([32, 64, 128] as const).map((blockSize): BlockFormat => ({ bits, blockSize })),
);
const named = formats.map((format) => [`${format.bits} bits in blocks of ${format.blockSize}`, format] as const);

describe.each(named)("rows in %s", (_, format) => {
  const { bits, blockSize } = format;
  const columns = 3 * blockSize;

  it("come back within a step of their block", () => {
    const values = fc.float32Array({ minLength: 2 * columns, maxLength: 2 * columns, noNaN: true, min: -8, max: 8 });
    fc.assert(
      fc.property(values, (rows) => {
        const back = dequantiseRows(quantiseRows(rows, columns, format), columns, format);
        for (let first = 0; first < rows.length; first += blockSize) {
          const block = rows.subarray(first, first + blockSize);
          const error = block.reduce((sum, value, i) => sum + (value - back[first + i]!) ** 2, 0);
          const step = (Math.max(0, ...block) - Math.min(0, ...block)) / (2 ** bits - 1);
          // Rounding to the nearest of all levels is off by half a step at most, a zero point between two by as much.
          expect(error).toBeLessThanOrEqual(blockSize * step * step + 1e-12);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("keep what the levels can say", () => {
    const top = 2 ** bits - 1;
    const rows = Float32Array.from({ length: columns }, (_value, i) => 0.25 * ((i % (top + 1)) - (top >> 1)));
    const back = dequantiseRows(quantiseRows(rows, columns, format), columns, format);
    // A block that has not all levels in it may be rounded to others.
    const whole = blockSize > top;
    rows.forEach((value, i) => {
      expect(Math.abs(value - back[i]!)).toBeLessThan(whole ? 1e-5 : 0.25);
    });
  });

  it("of zeros are zeros, and constant ones are exact", () => {
    for (const value of [0, 3.5, -1e-20]) {
      const rows = new Float32Array(columns).fill(value);
      const back = dequantiseRows(quantiseRows(rows, columns, format), columns, format);
      for (const got of back) expect(Math.abs(got - value)).toBeLessThanOrEqual(Math.abs(value) * 1e-6);
    }
  });

  it("take the bytes that are announced", () => {
    const { values, scales, zeros } = quantiseRows(new Float32Array(5 * columns), columns, format);
    const row = bytesOfRow(columns, format);
    expect([values.length, scales.length, zeros.length]).toEqual([5 * row.values, 5 * row.blocks, 5 * row.zeros]);
  });
});

it("cut off one large value where that makes the rest finer", () => {
  const rows = Float32Array.from({ length: 128 }, (_, i) => Math.sin(i) * 0.1);
  rows[7] = 0.16;
  const format: BlockFormat = { bits: 4, blockSize: 128 };
  const back = dequantiseRows(quantiseRows(rows, 128, format), 128, format);
  const error = (step: number) => rows.reduce((sum, value) => sum + (value - step * Math.round(value / step)) ** 2, 0);
  const got = rows.reduce((sum, value, i) => sum + (value - back[i]!) ** 2, 0);
  expect(got).toBeLessThan(error((0.16 + 0.1) / 15));
});
