import { describe, expect, it } from "vitest";
import { randomValues } from "../testModel";
import { halfBits, halfValue } from "./half";
import { bytesOfRow, GGML_TYPES, type GgmlTypeName, storeValues } from "./tensorTypes";

describe("float16", () => {
  it("round trips each of its values", () => {
    const all = Array.from({ length: 0x7c00 }, (_, bits) => bits);
    expect(all.map((bits) => halfBits(halfValue(bits)))).toEqual(all);
    expect(all.map((bits) => halfBits(-halfValue(bits)))).toEqual(all.map((bits) => bits | 0x8000));
  });

  it.each([
    // Ties go to the even neighbour.
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [2 ** -25, 0],
    [3 * 2 ** -25, 2],
    [65519, 0x7bff],
    [65520, 0x7c00],
    [Number.NEGATIVE_INFINITY, 0xfc00],
    [Number.NaN, 0x7e00],
  ])("rounds %s", (value, bits) => {
    expect(halfBits(value)).toBe(bits);
  });
});

/** What ggml's dequantize_row functions give. */
const READ: Record<"Q8_0" | "Q4_0" | "Q6_K", (block: DataView) => number[]> = {
  Q8_0: (block) => Array.from({ length: 32 }, (_, i) => halfValue(block.getUint16(0, true)) * block.getInt8(2 + i)),
  Q4_0: (block) =>
    Array.from({ length: 32 }, (_, i) => {
      const byte = block.getUint8(2 + (i % 16));
      return halfValue(block.getUint16(0, true)) * ((i < 16 ? byte & 15 : byte >> 4) - 8);
    }),
  Q6_K: (block) => {
    const values: number[] = [];
    for (let i = 0; i < 256; ++i) {
      const [half, quarter, at] = [i >> 7, (i >> 5) & 3, i & 31];
      const low = block.getUint8(64 * half + 32 * (quarter & 1) + at);
      const high = (block.getUint8(128 + 32 * half + at) >> (2 * quarter)) & 3;
      const level = ((quarter < 2 ? low & 15 : low >> 4) | (high << 4)) - 32;
      values.push(halfValue(block.getUint16(208, true)) * block.getInt8(192 + (i >> 4)) * level);
    }
    return values;
  },
};

describe("quantised blocks", () => {
  // Half a step of the largest value at most: 2/127/2, 2/16 (the far end of −8 … 7), 1/32.
  it.each<["Q8_0" | "Q4_0" | "Q6_K", number]>([
    ["Q8_0", 0.0045],
    ["Q4_0", 0.126],
    ["Q6_K", 0.04],
  ])("of %s read back as what was stored", (name, limit) => {
    const type = GGML_TYPES[name];
    const next = randomValues(5);
    const values = Float32Array.from({ length: 4 * type.blockSize }, next);
    const bytes = storeValues(values, type);
    expect(bytes.length).toBe(bytesOfRow(values.length, type));
    let worst = 0;
    for (let block = 0; block < 4; ++block) {
      const view = new DataView(bytes.buffer, block * type.blockBytes, type.blockBytes);
      READ[name](view).forEach((value, i) => {
        worst = Math.max(worst, Math.abs(value - values[block * type.blockSize + i]!));
      });
    }
    expect(worst).toBeLessThan(limit);
    expect(worst).toBeGreaterThan(limit / 8);
  });

  it.each<GgmlTypeName>(["Q8_0", "Q4_0", "Q6_K"])("of %s hold zeros exactly", (name) => {
    const type = GGML_TYPES[name];
    const bytes = storeValues(new Float32Array(type.blockSize), type);
    const values = READ[name as keyof typeof READ](new DataView(bytes.buffer));
    for (const value of values) expect(Math.abs(value)).toBe(0);
  });
});
