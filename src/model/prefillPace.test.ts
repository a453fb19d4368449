import { describe, expect, it } from "vitest";
import { PrefillPace } from "./prefillPace";

function settled(msPerToken: number): number {
  const pace = new PrefillPace();
  for (let i = 0; i < 10; ++i) pace.took(pace.chunk, msPerToken * pace.chunk);
  return pace.chunk;
}

describe("PrefillPace", () => {
  it("begins carefully", () => {
    expect(new PrefillPace().chunk).toBe(16);
  });

  it.each([
    [0.05, 256],
    [0.3, 128],
    [0.7, 64],
    [1.5, 32],
    [10, 16],
  ])("at %d ms a token takes %i tokens at once", (msPerToken, chunk) => {
    expect(settled(msPerToken)).toBe(chunk);
  });

  it("follows a machine that becomes slower, and does not go by a few tokens", () => {
    const pace = new PrefillPace();
    pace.took(64, 6.4);
    expect(pace.chunk).toBe(256);
    pace.took(3, 300);
    expect(pace.chunk).toBe(256);
    for (let i = 0; i < 8; ++i) pace.took(64, 128);
    expect(pace.chunk).toBe(16);
  });
});
