import type { StatisticsEvent } from "./events";
import { type Percentiles, percentiles } from "./percentiles";

/** So alike, or more, the taken text and what is there later count as the same text. */
export const KEPT_SIMILARITY = 0.8;

/** What has come of one model's suggestions. Counts are of suggestions where nothing else is said. */
export interface ModelFigures {
  model: string;
  /** As it was called last. */
  name: string;
  shown: number;
  shownCharacters: number;
  /** Taken as a whole or in part. */
  accepted: number;
  /** At one go, with nothing taken by the word or the line before. */
  whole: number;
  /** Some of it by the word. */
  byWord: number;
  /** Some of it by the line. */
  byLine: number;
  acceptedCharacters: number;
  /** Of those accepted, how many were looked at again, and of how many the text was still there. */
  judged: number;
  kept: number;
  /** Mean edit similarity of those that were judged; null: none was. */
  similarity: number | null;
  /** Until the first token and until the last one: milliseconds, of suggestions that were computed when asked for. */
  firstToken: Percentiles | null;
  total: Percentiles | null;
  /** Milliseconds since 1970: when the last one was shown. */
  last: number;
}

interface Outcome {
  shown: Extract<StatisticsEvent, { type: "shown" }>;
  how: Set<"whole" | "word" | "line">;
  characters: number;
  similarity: number | null;
}

/** What the events say, by model, the one used last first. Events of suggestions that are not among them are left out. */
export function summarise(events: readonly StatisticsEvent[]): ModelFigures[] {
  const models = new Map<string, Outcome[]>();
  for (const outcome of outcomes(events)) {
    const known = models.get(outcome.shown.model);
    if (known === undefined) models.set(outcome.shown.model, [outcome]);
    else known.push(outcome);
  }
  return [...models.values()].map(figuresOf).sort((one, other) => other.last - one.last);
}

function outcomes(events: readonly StatisticsEvent[]): Iterable<Outcome> {
  const byId = new Map<string, Outcome>();
  for (const event of events) {
    if (event.type === "shown" && !byId.has(event.id)) {
      byId.set(event.id, { shown: event, how: new Set(), characters: 0, similarity: null });
    }
  }
  for (const event of events) {
    const outcome = byId.get(event.id);
    if (outcome === undefined) continue;
    if (event.type === "kept") outcome.similarity = event.similarity;
    if (event.type !== "accepted") continue;
    outcome.how.add(event.how);
    outcome.characters = Math.min(outcome.shown.characters, outcome.characters + event.characters);
  }
  return byId.values();
}

function figuresOf(all: readonly Outcome[]): ModelFigures {
  const accepted = all.filter(({ how }) => how.size > 0);
  const similarities = accepted.flatMap(({ similarity }) => (similarity === null ? [] : [similarity]));
  const last = all.reduce((newest, { shown }) => (shown.at >= newest.at ? shown : newest), all[0]!.shown);
  return {
    model: last.model,
    name: last.name,
    shown: all.length,
    shownCharacters: sum(all.map(({ shown }) => shown.characters)),
    accepted: accepted.length,
    whole: accepted.filter(({ how }) => how.has("whole") && how.size === 1).length,
    byWord: accepted.filter(({ how }) => how.has("word")).length,
    byLine: accepted.filter(({ how }) => how.has("line")).length,
    acceptedCharacters: sum(accepted.map(({ characters }) => characters)),
    judged: similarities.length,
    kept: similarities.filter((similarity) => similarity >= KEPT_SIMILARITY).length,
    similarity: similarities.length === 0 ? null : sum(similarities) / similarities.length,
    firstToken: percentiles(all.flatMap(({ shown }) => (shown.firstTokenMs === null ? [] : [shown.firstTokenMs]))),
    total: percentiles(all.flatMap(({ shown }) => (shown.totalMs === null ? [] : [shown.totalMs]))),
    last: last.at,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
