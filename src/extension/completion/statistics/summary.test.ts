import { describe, expect, it } from "vitest";
import type { StatisticsEvent } from "./events";
import { percentiles } from "./percentiles";
import { summarise } from "./summary";

const shown = (id: string, over: Partial<Extract<StatisticsEvent, { type: "shown" }>> = {}): StatisticsEvent => ({
  type: "shown",
  at: 1000,
  id,
  model: "tuned",
  name: "functions",
  characters: 10,
  source: "computed",
  firstTokenMs: 20,
  totalMs: 60,
  ...over,
});
const accepted = (id: string, how: "whole" | "word" | "line", characters: number): StatisticsEvent => ({
  type: "accepted",
  at: 2000,
  id,
  how,
  characters,
});
const kept = (id: string, similarity: number): StatisticsEvent => ({ type: "kept", at: 3000, id, similarity });

describe("percentiles", () => {
  it("are values that were measured, by nearest rank", () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(percentiles(values)).toEqual({ p50: 50, p95: 95, of: 100 });
    expect(percentiles([7])).toEqual({ p50: 7, p95: 7, of: 1 });
    expect(percentiles([3, 1, 2])).toEqual({ p50: 2, p95: 3, of: 3 });
    expect(percentiles([])).toBeNull();
  });
});

describe("summarise", () => {
  it("counts suggestions, however many events there are of each", () => {
    const [figures] = summarise([
      shown("a"),
      shown("b", { firstTokenMs: null, totalMs: null, source: "ahead" }),
      shown("c", { firstTokenMs: 40, totalMs: 80 }),
      shown("d"),
      accepted("a", "whole", 10),
      kept("a", 1),
      accepted("b", "word", 4),
      accepted("b", "word", 3),
      accepted("b", "whole", 3),
      kept("b", 0.79),
      accepted("c", "line", 6),
    ]);
    expect(figures).toMatchObject({
      name: "functions",
      shown: 4,
      shownCharacters: 40,
      accepted: 3,
      whole: 1,
      byWord: 1,
      byLine: 1,
      acceptedCharacters: 26,
      judged: 2,
      kept: 1,
      similarity: 0.895,
      firstToken: { p50: 20, p95: 40, of: 3 },
      total: { p50: 60, p95: 80, of: 3 },
    });
  });

  it("tells models apart, the one used last first, under its latest name", () => {
    const found = summarise([
      shown("a", { model: "one", at: 10, name: "old" }),
      shown("b", { model: "two", at: 20 }),
      shown("c", { model: "one", at: 30, name: "new" }),
    ]);
    expect(found.map(({ model, name, shown }) => [model, name, shown])).toEqual([
      ["one", "new", 2],
      ["two", "functions", 1],
    ]);
  });

  it("makes nothing of events whose suggestion is not known, nor of more than there was to take", () => {
    expect(summarise([accepted("gone", "whole", 5), kept("gone", 1)])).toEqual([]);
    const [figures] = summarise([shown("a"), accepted("a", "whole", 999_999), shown("a", { model: "other" })]);
    expect(figures).toMatchObject({ model: "tuned", acceptedCharacters: 10, shown: 1 });
  });
});
