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

/** Rounds rows of `columns` values each to the block format, each block by the range of the least squared error. */
export function quantiseRows(rows: Float32Array, columns: number, format: BlockFormat): QuantisedRows {
  const count = rows.length / columns;
  const size = bytesOfRow(columns, format);
  const result: QuantisedRows = {
    values: new Uint8Array(count * size.values),
    scales: new Float32Array(count * size.blocks),
    zeros: new Uint8Array(count * size.zeros),
  };
  const block = new Block(format);
  for (let row = 0; row < count; ++row) {
    for (let at = 0; at < size.blocks; ++at) {
      const first = row * columns + at * format.blockSize;
      block.fit(rows, first);
      result.scales[row * size.blocks + at] = block.scale;
      put(result.zeros, row * size.zeros, at, block.zero, format.bits);
      for (let i = 0; i < format.blockSize; ++i) {
        put(result.values, row * size.values, at * format.blockSize + i, block.quantised[i]!, format.bits);
      }
    }
  }
  return result;
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

  fit(values: Float32Array, first: number): void {
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
      const error = this.#try(values, first, low * factor, high * factor, least);
      if (error < least) least = error;
    }
  }

  /** Rounds to the levels between `low` and `high` and keeps the outcome where its error is below `least`. */
  #try(values: Float32Array, first: number, low: number, high: number, least: number): number {
    const { bits, blockSize } = this.#format;
    const top = 2 ** bits - 1;
    // Of a block of zeros any scale will do.
    const step = (high - low) / top || 1;
    const zero = Math.min(top, Math.max(0, Math.round(-low / step)));
    const inverse = 1 / step;
    let product = 0;
    let square = 0;
    let length = 0;
    for (let i = 0; i < blockSize; ++i) {
      const value = values[first + i]!;
      const level = Math.min(top, Math.max(0, Math.round(value * inverse) + zero));
      this.#candidate[i] = level;
      const centred = level - zero;
      product += value * centred;
      square += centred * centred;
      length += value * value;
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
