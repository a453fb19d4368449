import { describe, expect, it } from "vitest";
import { randomValues } from "../testModel";
import { errorFeedback } from "./inputMoments";
import { type BlockFormat, dequantiseRows, quantiseRows } from "./quantise";

const COLUMNS = 128;
const ROWS = 16;
const TOKENS = 300;

/** Inputs whose columns hang together and differ in size, as activations do. */
function inputs(seed: number): Float32Array[] {
  const next = randomValues(seed);
  return Array.from({ length: TOKENS }, () => {
    const shared = Array.from({ length: 8 }, next);
    return Float32Array.from({ length: COLUMNS }, (_, i) => (shared[i % 8]! + 0.3 * next()) * (1 + (i % 5)));
  });
}

function momentsOf(tokens: Float32Array[], window: number): Float32Array {
  const sums = new Float32Array(COLUMNS * window);
  for (const token of tokens) {
    for (let row = 0; row < COLUMNS; ++row) {
      const first = Math.floor(row / window) * window;
      for (let i = 0; i < window; ++i) sums[row * window + i]! += token[row]! * token[first + i]!;
    }
  }
  return sums;
}

/** Σ over tokens and rows of the squared error of the product. */
function productError(tokens: Float32Array[], rows: Float32Array, rounded: Float32Array): number {
  let sum = 0;
  for (const token of tokens) {
    for (let row = 0; row < ROWS; ++row) {
      let error = 0;
      for (let i = 0; i < COLUMNS; ++i) error += token[i]! * (rows[row * COLUMNS + i]! - rounded[row * COLUMNS + i]!);
      sum += error * error;
    }
  }
  return sum;
}

describe("error feedback", () => {
  const format: BlockFormat = { bits: 4, blockSize: 32 };
  const next = randomValues(1);
  const rows = Float32Array.from({ length: ROWS * COLUMNS }, next);
  const error = (tokens: Float32Array[], feedback?: ReturnType<typeof errorFeedback>) =>
    productError(tokens, rows, dequantiseRows(quantiseRows(rows, COLUMNS, format, feedback), COLUMNS, format));

  it.each([32, 64, 128])("lowers the products' error, on other tokens than it was made from: window %i", (window) => {
    const feedback = errorFeedback({ window, sums: momentsOf(inputs(2), window) });
    expect(error(inputs(3), feedback)).toBeLessThan(0.6 * error(inputs(3)));
  });

  it("inverts the damped moments", () => {
    const sums = momentsOf(inputs(2), 32);
    const { factors, order, weights } = errorFeedback({ window: 32, sums });
    const u = factors[1]!;
    const inverse = (i: number, j: number) => {
      let sum = 0;
      for (let k = 0; k <= Math.min(i, j); ++k) sum += u[k * 32 + i]! * u[k * 32 + j]!;
      return sum;
    };
    const moment = (i: number, j: number) => {
      const [a, b] = [order[32 + i]!, order[32 + j]!];
      return i === j ? weights[32 + a]! : sums[(32 + a) * 32 + b]!;
    };
    for (let i = 0; i < 32; ++i) {
      for (let j = 0; j < 32; ++j) {
        let sum = 0;
        for (let k = 0; k < 32; ++k) sum += moment(i, k) * inverse(k, j);
        expect(sum).toBeCloseTo(i === j ? 1 : 0, 6);
      }
    }
    expect([...order.subarray(32, 64)].sort((a, b) => a - b)).toEqual(Array.from({ length: 32 }, (_, i) => i));
  });

  it("rounds as without it where nothing is known of the inputs", () => {
    const feedback = errorFeedback({ window: 64, sums: new Float32Array(COLUMNS * 64) });
    const plain = quantiseRows(rows, COLUMNS, format);
    const given = quantiseRows(rows, COLUMNS, format, feedback);
    expect(given.scales).toEqual(plain.scales);
    expect(given.zeros).toEqual(plain.zeros);
    const differing = given.values.filter((value, i) => value !== plain.values[i]).length;
    // The levels were found before the scale of the least squares, so that a few lie closer to another one.
    expect(differing).toBeLessThan(0.1 * given.values.length);
  });
});
