import type { ErrorFeedback } from "./inputMoments";

/**
 * Weights in blocks of a row, as onnxruntime's MatMulNBits and GatherBlockQuantized read them: x ≈ scale · (q − zero).
 * Values and zero points of 4 bits lie two in a byte, the first in the low half; each row's zero points end at a byte.
 */
export interface BlockFormat {
  bits: 4 | 8;
  /** Values of a row that share a scale; the rows' length must be a multiple of it. */
  blockSize: 32 | 64 | 128;
}

/** What `quantiseRows` writes to, of `rows` rows of `columns` values. */
export interface QuantisedRows {
  /** [rows, columns · bits / 8] */
  values: Uint8Array;
  /** [rows, columns / blockSize] */
  scales: Float32Array;
  /** [rows, ⌈columns / blockSize · bits / 8⌉] */
  zeros: Uint8Array;
}

export function bytesOfRow(columns: number, { bits, blockSize }: BlockFormat) {
  const blocks = columns / blockSize;
  return { values: (columns * bits) / 8, blocks, zeros: Math.ceil((blocks * bits) / 8) };
}

/** By how much the range of a block is narrowed: cutting its largest value off may cost less than coarser steps for all. */
const NARROWINGS = { 4: [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65], 8: [1] } as const;

/**
 * Rounds rows of `columns` values each to the block format, each block by the range of the least squared error. With
 * `feedback` the error counts as far as the inputs make it felt, and what rounding one value does to the products is
 * made good by those that are rounded after it.
 */
export function quantiseRows(
  rows: Float32Array,
  columns: number,
  format: BlockFormat,
  feedback?: ErrorFeedback,
): QuantisedRows {
  const count = rows.length / columns;
  const size = bytesOfRow(columns, format);
  const result: QuantisedRows = {
    values: new Uint8Array(count * size.values),
    scales: new Float32Array(count * size.blocks),
    zeros: new Uint8Array(count * size.zeros),
  };
  const block = new Block(format);
  const levels = new Uint8Array(columns);
  const scales = new Float32Array(size.blocks);
  const zeros = new Uint8Array(size.blocks);
  for (let row = 0; row < count; ++row) {
    const values = rows.subarray(row * columns, (row + 1) * columns);
    for (let at = 0; at < size.blocks; ++at) {
      const first = at * format.blockSize;
      block.fit(values, first, feedback?.weights);
      scales[at] = block.scale;
      zeros[at] = block.zero;
      levels.set(block.quantised, first);
    }
    if (feedback) roundWithFeedback(values, levels, scales, zeros, format, feedback);
    result.scales.set(scales, row * size.blocks);
    zeros.forEach((zero, at) => {
      put(result.zeros, row * size.zeros, at, zero, format.bits);
    });
    levels.forEach((level, column) => {
      put(result.values, row * size.values, column, level, format.bits);
    });
  }
  return result;
}

/** Rounds one row to the given scales and zero points, a window after the other; `levels` gets the outcome. */
function roundWithFeedback(
  values: Float32Array,
  levels: Uint8Array,
  scales: Float32Array,
  zeros: Uint8Array,
  { bits, blockSize }: BlockFormat,
  { window, order, factors }: ErrorFeedback,
): void {
  const top = 2 ** bits - 1;
  const left = new Float64Array(window);
  const errors = new Float64Array(AT_ONCE);
  for (let first = 0; first < values.length; first += window) {
    const factor = factors[first / window]!;
    for (let i = 0; i < window; ++i) left[i] = values[first + order[first + i]!]!;
    for (let start = 0; start < window; start += AT_ONCE) {
      for (let k = 0; k < AT_ONCE; ++k) {
        const i = start + k;
        const column = first + order[first + i]!;
        const at = Math.floor(column / blockSize);
        const scale = scales[at]!;
        const zero = zeros[at]!;
        const exact = scale === 0 ? zero : left[i]! / scale + zero + 0.5;
        const level = exact <= 0 ? 0 : exact >= top ? top : exact | 0;
        levels[column] = level;
        const error = (left[i]! - scale * (level - zero)) / factor[i * window + i]!;
        errors[k] = error;
        for (let j = i + 1; j < start + AT_ONCE; ++j) left[j]! -= error * factor[i * window + j]!;
      }
      subtractErrors(left, errors, factor, start, window);
    }
  }
}

/** Values whose errors are taken from all that follow in one pass, which is where the time goes: it divides each window. */
const AT_ONCE = 4;

function subtractErrors(
  left: Float64Array,
  errors: Float64Array,
  factor: Float64Array,
  start: number,
  window: number,
): void {
  const e0 = errors[0]!;
  const e1 = errors[1]!;
  const e2 = errors[2]!;
  const e3 = errors[3]!;
  const row = start * window;
  for (let j = start + AT_ONCE; j < window; ++j) {
    const at = row + j;
    left[j]! -=
      e0 * factor[at]! + e1 * factor[at + window]! + e2 * factor[at + 2 * window]! + e3 * factor[at + 3 * window]!;
  }
}

/** Value number `index` behind `start`; of 4 bits the bytes must have been zero. */
function put(bytes: Uint8Array, start: number, index: number, value: number, bits: 4 | 8): void {
  if (bits === 8) bytes[start + index] = value;
  else bytes[start + (index >> 1)]! |= value << (4 * (index & 1));
}

/** The rounding of one block that has been found best. */
class Block {
  scale = 0;
  zero = 0;
  quantised: Uint8Array;
  #candidate: Uint8Array;
  readonly #format: BlockFormat;

  constructor(format: BlockFormat) {
    this.#format = format;
    this.quantised = new Uint8Array(format.blockSize);
    this.#candidate = new Uint8Array(format.blockSize);
  }

  /** `weights`: by how much each column's squared error counts; left out, all the same. */
  fit(values: Float32Array, first: number, weights?: Float32Array): void {
    const { bits, blockSize } = this.#format;
    let low = 0;
    let high = 0;
    for (let i = first; i < first + blockSize; ++i) {
      const value = values[i]!;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    let least = Number.POSITIVE_INFINITY;
    for (const factor of NARROWINGS[bits]) {
      const error = this.#try(values, first, low * factor, high * factor, least, weights);
      if (error < least) least = error;
    }
  }

  /** Rounds to the levels between `low` and `high` and keeps the outcome where its error is below `least`. */
  #try(
    values: Float32Array,
    first: number,
    low: number,
    high: number,
    least: number,
    weights: Float32Array | undefined,
  ): number {
    const { bits, blockSize } = this.#format;
    const top = 2 ** bits - 1;
    // Of a block of zeros any scale will do.
    const step = (high - low) / top || 1;
    const zero = Math.min(top, Math.max(0, Math.round(-low / step)));
    const inverse = 1 / step;
    // Math.round is slow here: what is not negative is rounded by cutting it off.
    const half = zero + 0.5;
    const candidate = this.#candidate;
    let product = 0;
    let square = 0;
    let length = 0;
    for (let i = 0; i < blockSize; ++i) {
      const value = values[first + i]!;
      const exact = value * inverse + half;
      const level = exact <= 0 ? 0 : exact >= top ? top : exact | 0;
      candidate[i] = level;
      const centred = level - zero;
      const weighted = weights === undefined ? centred : weights[first + i]! * centred;
      product += value * weighted;
      square += centred * weighted;
      length += value * value * (weights === undefined ? 1 : weights[first + i]!);
    }
    // With the levels given, the best scale is that of the least squares; Σ(x − s·c)² = Σx² − (Σx·c)² / Σc².
    const scale = square === 0 ? step : product / square;
    const error = square === 0 ? length : length - (product * product) / square;
    if (error < least) {
      this.scale = scale;
      this.zero = zero;
      [this.quantised, this.#candidate] = [this.#candidate, this.quantised];
    }
    return error;
  }
}

/** The inverse, for comparisons. */
export function dequantiseRows(quantised: QuantisedRows, columns: number, format: BlockFormat): Float32Array {
  const size = bytesOfRow(columns, format);
  const rows = quantised.values.length / size.values;
  const result = new Float32Array(rows * columns);
  for (let i = 0; i < result.length; ++i) {
    const row = Math.floor(i / columns);
    const column = i % columns;
    const at = Math.floor(column / format.blockSize);
    const value = read(quantised.values, row * size.values, column, format.bits);
    const zero = read(quantised.zeros, row * size.zeros, at, format.bits);
    result[i] = quantised.scales[row * size.blocks + at]! * (value - zero);
  }
  return result;
}

function read(bytes: Uint8Array, start: number, index: number, bits: 4 | 8): number {
  return bits === 8 ? bytes[start + index]! : (bytes[start + (index >> 1)]! >> (4 * (index & 1))) & 15;
}
