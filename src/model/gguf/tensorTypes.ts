import { halfBits } from "./half";

/**
 * ggml's tensor types that are written here; numbers and layouts as in ggml/include/ggml.h and ggml-common.h, the rounding
 * as in ggml-quants.c's reference functions.
 */
export type GgmlTypeName = "F32" | "F16" | "Q8_0" | "Q4_0" | "Q6_K";

export interface GgmlType {
  /** ggml_type. */
  id: number;
  /** Values that are stored together; a row's length must be a multiple of it. */
  blockSize: number;
  blockBytes: number;
  /** Stores one block of `values` from `from` on at byte `to` of `out`. */
  store(values: Float32Array, from: number, out: DataView, to: number): void;
}

export const GGML_TYPES: Record<GgmlTypeName, GgmlType> = {
  F32: {
    id: 0,
    blockSize: 1,
    blockBytes: 4,
    store: (values, from, out, to) => out.setFloat32(to, values[from]!, true),
  },
  F16: {
    id: 1,
    blockSize: 1,
    blockBytes: 2,
    store: (values, from, out, to) => out.setUint16(to, halfBits(values[from]!), true),
  },
  /** scale f16, 16 bytes of two values each: value i in the low half of byte i, value i + 16 in the high one. */
  Q4_0: { id: 2, blockSize: 32, blockBytes: 18, store: storeQ4 },
  /** scale f16, 32 × int8. */
  Q8_0: { id: 8, blockSize: 32, blockBytes: 34, store: storeQ8 },
  /** low 4 bits [128], high 2 bits [64], 16 × int8 scales of 16 values each, scale f16. */
  Q6_K: { id: 14, blockSize: 256, blockBytes: 210, store: storeQ6 },
};

/** Bytes of a row of `columns` values. */
export function bytesOfRow(columns: number, { blockSize, blockBytes }: GgmlType): number {
  return (columns / blockSize) * blockBytes;
}

/** Whole rows in the type's layout. */
export function storeValues(values: Float32Array, type: GgmlType): Uint8Array {
  const blocks = values.length / type.blockSize;
  const out = new DataView(new ArrayBuffer(blocks * type.blockBytes));
  for (let i = 0; i < blocks; ++i) type.store(values, i * type.blockSize, out, i * type.blockBytes);
  return new Uint8Array(out.buffer);
}

/** The value of the largest magnitude becomes −8: x ≈ scale · (q − 8). */
function storeQ4(values: Float32Array, from: number, out: DataView, to: number): void {
  const scale = extreme(values, from, 32) / -8;
  const inverse = scale === 0 ? 0 : Math.fround(1 / Math.fround(scale));
  out.setUint16(to, halfBits(scale), true);
  const level = (at: number) => Math.min(15, Math.trunc(Math.fround(Math.fround(values[at]! * inverse) + 8.5)));
  for (let i = 0; i < 16; ++i) out.setUint8(to + 2 + i, level(from + i) | (level(from + 16 + i) << 4));
}

function storeQ8(values: Float32Array, from: number, out: DataView, to: number): void {
  const scale = Math.abs(extreme(values, from, 32)) / 127;
  const inverse = scale === 0 ? 0 : 1 / scale;
  out.setUint16(to, halfBits(scale), true);
  for (let i = 0; i < 32; ++i) out.setInt8(to + 2 + i, roundAway(values[from + i]! * inverse));
}

/** x ≈ scale · subscale · (q − 32). ggml searches each subscale for the least error; here it is that of the largest value. */
function storeQ6(values: Float32Array, from: number, out: DataView, to: number): void {
  const scales = Array.from({ length: 16 }, (_, i) => extreme(values, from + 16 * i, 16) / -32);
  const largest = scales.reduce((best, scale) => (Math.abs(scale) > Math.abs(best) ? scale : best), 0);
  const inverse = largest === 0 ? 0 : -128 / largest;
  const scale = largest === 0 ? 0 : 1 / inverse;
  out.setUint16(to + 208, halfBits(scale), true);
  const levels = new Uint8Array(256);
  scales.forEach((own, i) => {
    const stored = Math.min(127, Math.round(inverse * own));
    out.setInt8(to + 192 + i, stored);
    const step = scale * stored;
    for (let j = 16 * i; j < 16 * (i + 1); ++j) {
      const level = step === 0 ? 0 : Math.round(values[from + j]! / step);
      levels[j] = 32 + Math.max(-32, Math.min(31, level));
    }
  });
  for (let half = 0; half < 2; ++half) {
    for (let i = 0; i < 32; ++i) {
      const [a, b, c, d] = [0, 32, 64, 96].map((offset) => levels[128 * half + offset + i]!) as [
        number,
        number,
        number,
        number,
      ];
      out.setUint8(to + 64 * half + i, (a & 15) | ((c & 15) << 4));
      out.setUint8(to + 64 * half + 32 + i, (b & 15) | ((d & 15) << 4));
      out.setUint8(to + 128 + 32 * half + i, (a >> 4) | ((b >> 4) << 2) | ((c >> 4) << 4) | ((d >> 4) << 6));
    }
  }
}

/** The value of the largest magnitude, with its sign. */
function extreme(values: Float32Array, from: number, count: number): number {
  let best = 0;
  for (let i = from; i < from + count; ++i) if (Math.abs(values[i]!) > Math.abs(best)) best = values[i]!;
  return best;
}

/** C's roundf. */
function roundAway(value: number): number {
  return value < 0 ? -Math.round(-value) : Math.round(value);
}
