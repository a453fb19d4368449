import { describe, expect, it } from "vitest";
import type { LlamaConfig } from "../config";
import { ropeFrequencies, ropeTable } from "./rope";

function config(scaling: LlamaConfig["rope"]["scaling"], theta = 500000): LlamaConfig {
  return { headDim: 64, rope: { theta, scaling } } as LlamaConfig;
}

describe("RoPE", () => {
  const plain = ropeFrequencies(config({ kind: "none" }));
  const llama3 = ropeFrequencies(
    config({ kind: "llama3", factor: 32, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalMaxPositions: 8192 }),
  );

  it("begins at 1 and falls geometrically", () => {
    expect(plain[0]).toBe(1);
    for (let i = 1; i < plain.length; ++i) expect(plain[i]! / plain[i - 1]!).toBeCloseTo(500000 ** (-1 / 32), 12);
  });

  it("divides all frequencies for linear scaling", () => {
    const linear = ropeFrequencies(config({ kind: "linear", factor: 4 }));
    linear.forEach((frequency, i) => {
      expect(frequency).toBeCloseTo(plain[i]! / 4, 15);
    });
  });

  it("keeps short waves, stretches long ones and blends between, as Llama 3.1 does", () => {
    plain.forEach((frequency, i) => {
      const wave = (2 * Math.PI) / frequency;
      const ratio = llama3[i]! / frequency;
      if (wave < 8192 / 4) expect(ratio).toBe(1);
      else if (wave > 8192) expect(ratio).toBeCloseTo(1 / 32, 14);
      else {
        const smooth = (8192 / wave - 1) / 3;
        expect(ratio).toBeCloseTo((1 - smooth) / 32 + smooth, 12);
        expect(ratio).toBeGreaterThan(1 / 32);
        expect(ratio).toBeLessThan(1);
      }
    });
    // All three kinds occur with Llama-3.2's settings.
    expect(new Set(llama3.map((f, i) => Math.sign(f / plain[i]! - 0.99) + Math.sign(f / plain[i]! - 0.04))).size).toBe(
      3,
    );
  });

  it("fills its tables in float64 whatever the position", () => {
    const blocks = [...ropeTable(config({ kind: "none" }), 2500, Math.sin)];
    expect(blocks.map((block) => block.length / 32)).toEqual([1024, 1024, 452]);
    const [row, i] = [2499 - 2048, 5];
    expect(blocks[2]![row * 32 + i]).toBe(Math.fround(Math.sin(2499 * plain[i]!)));
  });
});
