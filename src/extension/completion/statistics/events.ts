import * as v from "valibot";

/** How a suggestion, or a part of it, was taken. */
export type TakenHow = "whole" | "word" | "line";

/** Where a suggestion came from: computed when it was asked for, computed ahead of that, or still known. */
export type SuggestionSource = "computed" | "ahead" | "remembered";

/** What is written down of a suggestion: one line an event, never a text. `at`: milliseconds since 1970. */
export type StatisticsEvent =
  | {
      type: "shown";
      at: number;
      /** Unique over all windows; the other events of the suggestion have the same. */
      id: string;
      /** The export's identity. */
      model: string;
      name: string;
      characters: number;
      source: SuggestionSource;
      /** The comparison of two models that it was part of. */
      comparison?: string | undefined;
      /** Milliseconds; null: nothing was computed for it when it was asked for. */
      firstTokenMs: number | null;
      totalMs: number | null;
    }
  | { type: "accepted"; at: number; id: string; how: TakenHow; characters: number }
  /** How much of what was taken was still there a while later: edit similarity, 0 to 1. */
  | { type: "kept"; at: number; id: string; similarity: number }
  /** Two models take turns from now on. */
  | { type: "comparison"; at: number; id: string; models: ComparedModel[] };

export interface ComparedModel {
  model: string;
  name: string;
}

const at = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(8.64e15));
const id = v.pipe(v.string(), v.regex(/^[\w:.-]{1,80}$/));
const characters = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1e6));
const milliseconds = v.nullable(v.pipe(v.number(), v.minValue(0), v.maxValue(3.6e6)));

const name = v.pipe(v.string(), v.maxLength(200));

const schema = v.variant("type", [
  v.object({
    type: v.literal("shown"),
    at,
    id,
    model: id,
    name,
    characters,
    source: v.picklist(["computed", "ahead", "remembered"]),
    comparison: v.optional(id),
    firstTokenMs: milliseconds,
    totalMs: milliseconds,
  }),
  v.object({ type: v.literal("accepted"), at, id, how: v.picklist(["whole", "word", "line"]), characters }),
  v.object({ type: v.literal("kept"), at, id, similarity: v.pipe(v.number(), v.minValue(0), v.maxValue(1)) }),
  v.object({
    type: v.literal("comparison"),
    at,
    id,
    models: v.pipe(v.array(v.object({ model: id, name })), v.length(2)),
  }),
]);

/** Ends with the line's end: what is appended in one write is never mixed with another window's. */
export function lineOf(event: StatisticsEvent): string {
  return `${JSON.stringify(event)}\n`;
}

/** The events of a file's lines; torn and foreign lines are left out and counted. */
export function parseEvents(text: string): { events: StatisticsEvent[]; leftOut: number } {
  const events: StatisticsEvent[] = [];
  let leftOut = 0;
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const event = parseLine(line);
    if (event === null) leftOut++;
    else events.push(event);
  }
  return { events, leftOut };
}

function parseLine(line: string): StatisticsEvent | null {
  try {
    const result = v.safeParse(schema, JSON.parse(line));
    return result.success ? result.output : null;
  } catch {
    return null;
  }
}
