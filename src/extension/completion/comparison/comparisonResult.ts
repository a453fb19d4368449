import type { ComparedModel, StatisticsEvent } from "../statistics/events";
import { type ModelFigures, summarise } from "../statistics/summary";
import { binomialHalf, fisherExact } from "./exactTests";

/** A difference that chance makes more seldom than once in so many times counts as one. */
export const SIGNIFICANCE = 0.05;

export interface ComparisonResult {
  id: string;
  /** Milliseconds since 1970. */
  begun: number;
  models: readonly [ComparedModel, ComparedModel];
  /** Of each model; null: nothing of it was shown. */
  figures: readonly [ModelFigures | null, ModelFigures | null];
  /** Probability of a difference as large or larger where there is none; null: there are no cases on a side. */
  chance: { shown: number | null; accepted: number | null; kept: number | null; latency: number | null };
}

/** What came of a comparison; null: the events know of none with this id. */
export function comparisonResult(events: readonly StatisticsEvent[], id: string): ComparisonResult | null {
  const begun = events.find((event) => event.type === "comparison" && event.id === id);
  if (begun?.type !== "comparison") return null;
  const shown = events.filter((event) => event.type === "shown" && event.comparison === id);
  const ids = new Set(shown.map((event) => event.id));
  const found = summarise(events.filter((event) => ids.has(event.id)));
  const [first, second] = begun.models as [ComparedModel, ComparedModel];
  const one = found.find(({ model }) => model === first.model) ?? null;
  const other = found.find(({ model }) => model === second.model) ?? null;
  const latencies = ({ model }: ComparedModel) =>
    shown.flatMap((event) =>
      event.type === "shown" && event.model === model && event.totalMs !== null ? [event.totalMs] : [],
    );
  const [accepted, kept] = [
    chanceOf(one, other, (figures) => ({ successes: figures.accepted, cases: figures.shown })),
    chanceOf(one, other, (figures) => ({ successes: figures.kept, cases: figures.judged })),
  ];
  const all = (one?.shown ?? 0) + (other?.shown ?? 0);
  return {
    id,
    begun: begun.at,
    models: [first, second],
    figures: [one, other],
    chance: {
      // Both were asked as often, so each suggestion is as likely to be of the one as of the other.
      shown: all === 0 ? null : binomialHalf(one?.shown ?? 0, all),
      accepted,
      kept,
      latency: medianTest(latencies(first), latencies(second)),
    },
  };
}

function chanceOf(
  one: ModelFigures | null,
  other: ModelFigures | null,
  counts: (figures: ModelFigures) => { successes: number; cases: number },
): number | null {
  if (one === null || other === null) return null;
  const [first, second] = [counts(one), counts(other)];
  return first.cases === 0 || second.cases === 0 ? null : fisherExact(first, second);
}

/** Mood's median test: whether one side is more often above the median of both together (Fisher's exact test). */
export function medianTest(one: readonly number[], other: readonly number[]): number | null {
  if (one.length === 0 || other.length === 0) return null;
  const sorted = [...one, ...other].sort((a, b) => a - b);
  const median = sorted[Math.floor((sorted.length - 1) / 2)]!;
  const above = (values: readonly number[]) => ({
    successes: values.filter((value) => value > median).length,
    cases: values.length,
  });
  return fisherExact(above(one), above(other));
}
