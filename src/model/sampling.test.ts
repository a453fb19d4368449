import { describe, expect, it } from "vitest";
import { argmax, margin, sampleMinP } from "./sampling";

const LOGITS = Float32Array.from([Math.log(0.5), Math.log(0.3), Math.log(0.15), Math.log(0.05)]);

describe("sampleMinP", () => {
  const share = (temperature: number, minP: number) => {
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 1000; ++i) {
      counts[sampleMinP(LOGITS, { temperature, minP, random: () => (i + 0.5) / 1000 })]! += 1;
    }
    return counts.map((count) => count / 1000);
  };

  it("draws by the probabilities of what is likely enough", () => {
    expect(share(1, 0.01)).toEqual([0.5, 0.3, 0.15, 0.05]);
    const [a, b, c, d] = share(1, 0.2) as [number, number, number, number];
    expect(a).toBeCloseTo(0.5 / 0.95, 2);
    expect(b).toBeCloseTo(0.3 / 0.95, 2);
    expect(c).toBeCloseTo(0.15 / 0.95, 2);
    expect(d).toBe(0);
  });

  it("comes down to the likeliest as the temperature falls or min-p rises", () => {
    expect(share(0.01, 0.01)).toEqual([1, 0, 0, 0]);
    expect(share(1, 1)).toEqual([1, 0, 0, 0]);
  });
});

it("margin is the lead of the largest value", () => {
  expect(margin(Float32Array.of(1, 4, 2.5))).toBe(1.5);
  expect(margin(Float32Array.of(4, 4))).toBe(0);
  expect(argmax(Float32Array.of(1, 4, 4))).toBe(1);
});
