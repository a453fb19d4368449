import { describe, expect, it } from "vitest";
import { type RunAhead, usableInTurn } from "./memoryInTurn";

const GB = 2 ** 30;
const onGpu: RunAhead = { device: "cuda", head: { device: "cuda:0", memory: { forecast: 70 * GB, used: 60 * GB } } };
const onCpu: RunAhead = { device: "cpu", head: { device: "cpu", memory: { forecast: 4 * GB, used: null } } };

describe("the memory of a plan that waits", () => {
  it("is what the runs ahead take, beside what is free", () => {
    expect(usableInTurn({ device: "auto", limit: null }, 10 * GB, [onGpu])).toBe(70 * GB);
    expect(usableInTurn({ device: "cpu", limit: null }, 10 * GB, [onCpu])).toBe(14 * GB);
    expect(usableInTurn({ device: "auto", limit: null }, 10 * GB, [{ ...onCpu, device: "auto" }])).toBe(14 * GB);
  });

  it("is not that of another device", () => {
    expect(usableInTurn({ device: "cuda", limit: null }, 10 * GB, [onCpu])).toBe(10 * GB);
    expect(usableInTurn({ device: "cpu", limit: null }, 10 * GB, [onGpu])).toBe(10 * GB);
    expect(usableInTurn({ device: "auto", limit: null }, 10 * GB, [onCpu])).toBe(10 * GB);
  });

  it("stays within the plan's own limit", () => {
    expect(usableInTurn({ device: "auto", limit: 20 * GB }, 10 * GB, [onGpu])).toBe(20 * GB);
  });

  it("is what is free now where a run has not said yet what it takes", () => {
    const begins = { device: "auto", head: { device: null, memory: null } } as const;
    expect(usableInTurn({ device: "auto", limit: null }, 10 * GB, [begins])).toBe(10 * GB);
  });
});
