import { describe, expect, it } from "vitest";
import type { StatisticsEvent } from "../statistics/events";
import { comparisonResult, medianTest } from "./comparisonResult";

const models = [
  { model: "base", name: "tiny-python" },
  { model: "tuned", name: "functions" },
];

/** `accepted` of `cases` suggestions, all of them kept. */
function suggestions(model: string, cases: number, accepted: number, totalMs: number, comparison?: string) {
  return Array.from({ length: cases }, (_, index): StatisticsEvent[] => {
    const id = `${model}-${comparison}-${index}`;
    const shown = { type: "shown" as const, at: 5, id, model, name: model, characters: 4, source: "computed" as const };
    const events: StatisticsEvent[] = [{ ...shown, firstTokenMs: 1, totalMs: totalMs + index, comparison }];
    if (index < accepted) events.push({ type: "accepted", at: 6, id, how: "whole", characters: 4 });
    if (index < accepted) events.push({ type: "kept", at: 7, id, similarity: 1 });
    return events;
  }).flat();
}

describe("comparisonResult", () => {
  const begun: StatisticsEvent = { type: "comparison", at: 1, id: "c1", models };

  it("keeps apart what was shown during the comparison and says what is more than chance", () => {
    const result = comparisonResult(
      [
        ...suggestions("tuned", 50, 0, 10),
        begun,
        ...suggestions("base", 20, 2, 10, "c1"),
        ...suggestions("tuned", 20, 15, 100, "c1"),
        ...suggestions("tuned", 9, 9, 1, "c2"),
      ],
      "c1",
    )!;
    expect(result.figures.map((one) => [one?.shown, one?.accepted])).toEqual([
      [20, 2],
      [20, 15],
    ]);
    expect(result.chance.shown).toBe(1);
    // scipy.stats.fisher_exact([[2, 18], [15, 5]])
    expect(result.chance.accepted).toBeCloseTo(0.00006, 4);
    expect(result.chance.kept).toBe(1);
    expect(result.chance.latency).toBeLessThan(1e-9);
  });

  it("has no verdict where a model has shown nothing", () => {
    const result = comparisonResult([begun, ...suggestions("tuned", 3, 1, 10, "c1")], "c1")!;
    expect(result.figures[0]).toBeNull();
    expect(result.chance).toEqual({ shown: expect.closeTo(0.25, 9), accepted: null, kept: null, latency: null });
  });

  it("is none where the events were cleared", () => {
    expect(comparisonResult([], "c1")).toBeNull();
  });
});

describe("medianTest", () => {
  it("sees no difference between the same times, and one between others", () => {
    expect(medianTest([1, 2, 3, 4], [1, 2, 3, 4])).toBeCloseTo(1, 9);
    expect(medianTest([1, 2, 3, 4, 5], [11, 12, 13, 14, 15])).toBeCloseTo(2 / 252, 6);
    expect(medianTest([], [1])).toBeNull();
  });
});
