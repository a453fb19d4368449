/** How the rows of a file are written: found from its first rows, or told by settings. */

import type { FormatId } from "../../protocol/run";
import { DatasetError } from "../problem";
import { answerLanguage } from "../statistics/answerLanguage";
import type { Dialect, Format, JsonObject, Layout } from "./format";
import { canonicalLayout, parsePath, spellingIn, valueAt } from "./layout";
import { formatById, formats } from "./registry";

/** Rows looked at to detect a file's format. */
export const DETECTION_SAMPLE = 200;

/** Rows looked at to tell the language of the answers, and the share that is most of them. */
const LANGUAGE_SAMPLE = 40;
const PYTHON_SHARE = 0.6;

/** A key that this share of the rows has belongs to the file, whatever the format says. */
const USUAL_SHARE = 0.02;
/** With fewer rows every key that is there counts as usual. */
const FEW_ROWS = 20;

/** What settings or options say about a file. */
export interface DialectChoice {
  format: FormatId | "auto";
  /** Part of the format → dotted path in a row. */
  mapping?: Readonly<Record<string, string>> | undefined;
}

export const AUTOMATIC: DialectChoice = { format: "auto" };

/** How well a row fits a format: 0 not at all, above 1 only if nothing required is missing. */
export function fitness(row: JsonObject, format: Format): number {
  let required = 0;
  let present = 0;
  for (const part of format.parts) {
    if (!part.required) continue;
    required++;
    const spelling = spellingIn(row, part);
    // Of two formats that a row fits, the one whose own names it uses is meant.
    if (spelling !== null) present += spelling === part.spellings[0] ? 1 : 0.99;
  }
  const share = present / required;
  // Of two formats that are complete the one that asks for more is meant: {prompt, suffix, completion} is no pair.
  return share >= 0.98 ? 1 + required + share : share;
}

export function isComplete(row: JsonObject, format: Format): boolean {
  return fitness(row, format) > 1;
}

/** The format a row fits best; null if it has no part of any. */
export function bestFormat(row: JsonObject): Format | null {
  let best: Format | null = null;
  let bestFit = 0;
  for (const format of formats) {
    const fits = fitness(row, format);
    if (fits > bestFit) {
      best = format;
      bestFit = fits;
    }
  }
  return best;
}

/** Collects the first rows that are objects and says how most of them are written. */
export class DialectDetector {
  private readonly rows: JsonObject[] = [];

  constructor(private readonly choice: DialectChoice = AUTOMATIC) {}

  get complete(): boolean {
    return this.rows.length >= DETECTION_SAMPLE;
  }

  add(value: unknown): void {
    if (!this.complete && isObject(value)) this.rows.push(value);
  }

  /** Null: no row resembles any format. */
  result(): Dialect | null {
    return detectDialect(this.rows, this.choice);
  }
}

export function detectDialect(rows: readonly JsonObject[], choice: DialectChoice = AUTOMATIC): Dialect | null {
  const format = choice.format === "auto" ? detectFormat(rows, choice) : formatById(choice.format);
  if (format === null) return null;
  const own = rows.filter((row) => bestFormat(row) === format);
  const layout = { ...commonLayout(own.length > 0 ? own : rows, format), ...mappedLayout(format, choice) };
  return makeDialect(format, layout, usualKeys(rows, layout), isMostlyPython(rows, format, layout));
}

/** The dialect of a format's own names. */
export function canonicalDialect(format: Format): Dialect {
  return makeDialect(format, canonicalLayout(format), null, false);
}

function makeDialect(
  format: Format,
  layout: Layout,
  usualKeys: ReadonlySet<string> | null,
  mostlyPython: boolean,
): Dialect {
  const key = JSON.stringify([format.id, layout, usualKeys === null ? null : [...usualKeys].sort(), mostlyPython]);
  return { format, layout, usualKeys, mostlyPython, key };
}

function isMostlyPython(rows: readonly JsonObject[], format: Format, layout: Layout): boolean {
  let answers = 0;
  let python = 0;
  for (const row of rows.slice(0, LANGUAGE_SAMPLE)) {
    if (format.check(row, layout).length > 0) continue;
    for (const { role, text } of format.texts(row, layout)) {
      if (role !== "answer") continue;
      answers++;
      if (answerLanguage(text) === "python") python++;
    }
  }
  return python > answers * PYTHON_SHARE;
}

function detectFormat(rows: readonly JsonObject[], { mapping }: DialectChoice): Format | null {
  const mapped = Object.keys(mapping ?? {});
  if (mapped.length > 0) {
    const fitting = formats.find(({ parts }) => mapped.every((name) => parts.some((part) => part.name === name)));
    if (fitting !== undefined) return fitting;
  }
  const scores = new Map<Format, number>();
  for (const row of rows) {
    const best = bestFormat(row);
    // A row that lacks a field counts for its format, but a whole one counts more.
    if (best !== null) scores.set(best, (scores.get(best) ?? 0) + Math.min(1, fitness(row, best)));
  }
  let top: Format | null = null;
  for (const format of formats) {
    if ((scores.get(format) ?? 0) > (top === null ? 0 : scores.get(top)!)) top = format;
  }
  return top;
}

/** Each part where most rows have it. */
function commonLayout(rows: readonly JsonObject[], format: Format): Layout {
  const layout: Record<string, readonly string[]> = {};
  const taken = new Set<string>();
  for (const part of format.parts) {
    const counts = new Map<string, number>();
    for (const row of rows) {
      const spelling = spellingIn(row, part);
      if (spelling !== null && !taken.has(spelling)) counts.set(spelling, (counts.get(spelling) ?? 0) + 1);
    }
    const [common] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [part.spellings[0]!];
    layout[part.name] = [common];
    taken.add(common);
  }
  return layout;
}

function mappedLayout(format: Format, { mapping }: DialectChoice): Layout {
  const layout: Record<string, ReturnType<typeof parsePath>> = {};
  for (const [name, path] of Object.entries(mapping ?? {})) {
    if (!format.parts.some((part) => part.name === name)) {
      const known = format.parts.map((part) => part.name).join(", ");
      throw new DatasetError(`The format ${format.id} has no part "${name}" to map a field to: it has ${known}.`);
    }
    layout[name] = parsePath(path);
  }
  return layout;
}

function usualKeys(rows: readonly JsonObject[], layout: Layout): ReadonlySet<string> {
  const counts = new Map<string, number>();
  for (const row of rows) for (const key of Object.keys(row)) counts.set(key, (counts.get(key) ?? 0) + 1);
  const least = rows.length < FEW_ROWS ? 1 : Math.max(2, rows.length * USUAL_SHARE);
  const usual = new Set([...counts].filter(([, count]) => count >= least).map(([key]) => key));
  for (const path of Object.values(layout)) usual.delete(String(path[0]));
  return usual;
}

/** Whether a row has any part of the format where the layout says, or under another of its names. */
export function resembles(row: JsonObject, { format, layout }: Dialect): boolean {
  return format.parts.some(
    (part) => part.required && (valueAt(row, layout[part.name] ?? []) !== undefined || spellingIn(row, part) !== null),
  );
}

export function isObject(value: unknown): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
