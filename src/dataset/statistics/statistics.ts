/** What a data set is made of, for the data set view, the CodeLens and reports: counted as its rows stream by. */

import type { CheckId } from "../checks/table";
import type { RowFacts } from "../duplicates/rowFacts";
import type { AnswerLanguage } from "./answerLanguage";
import { LengthDistribution, type LengthFigures } from "./lengthDistribution";
import type { Task } from "./task";

export interface SplitCounts {
  train: number;
  heldOut: number;
}

/** Can be written as JSON. Lists are sorted by rows, most first. */
export interface DatasetStatistics {
  /** Lines that are not blank. */
  rows: number;
  /** Rows that a run would use. */
  usable: number;
  formats: { format: string; rows: number; usable: number }[];
  /** `rows`: with at least one problem of the check. */
  problems: { check: CheckId; problems: number; rows: number }[];
  /** Whole rows, in tokens where all usable rows are counted, else in characters (UTF-16 code units). */
  length: LengthFigures & { unit: "tokens" | "characters" };
  /** In characters. */
  promptLength: LengthFigures;
  answerLength: LengthFigures;
  languages: { language: AnswerLanguage; rows: number }[];
  /** The most frequent ones; `moreTasks` others are not listed. */
  tasks: { task: Task; rows: number }[];
  moreTasks: number;
  /** Null where the split is not known. */
  split: SplitCounts | null;
  /** Rows beside each other. */
  duplicates: { exact: number; near: number; conflicting: number; leaked: number };
}

export interface StatisticsRow {
  /** The format's id; null where the row fits none. */
  format: string | null;
  usable: boolean;
  /** Null where the row could not be read. */
  facts: Pick<RowFacts, "promptCharacters" | "answerCharacters" | "task" | "language"> | null;
  /** With the chosen model's tokenizer; absent where it is not known. */
  tokens?: number;
}

const MOST_TASKS = 20;
const NO_FORMAT = "unknown";

export class StatisticsCounter {
  private rows = 0;
  private usable = 0;
  private readonly formats = new Map<string, { rows: number; usable: number }>();
  private readonly problems = new Map<CheckId, { problems: number; rows: number }>();
  private readonly tokens = new LengthDistribution();
  private readonly characters = new LengthDistribution();
  private readonly prompts = new LengthDistribution();
  private readonly answers = new LengthDistribution();
  private readonly languages = new Map<AnswerLanguage, number>();
  private readonly tasks = new Map<Task, number>();

  add({ format, usable, facts, tokens }: StatisticsRow): void {
    this.rows++;
    const ofFormat = entry(this.formats, format ?? NO_FORMAT, () => ({ rows: 0, usable: 0 }));
    ofFormat.rows++;
    if (!usable || facts === null) return;
    this.usable++;
    ofFormat.usable++;
    if (tokens !== undefined) this.tokens.add(tokens);
    this.characters.add(facts.promptCharacters + facts.answerCharacters);
    this.prompts.add(facts.promptCharacters);
    this.answers.add(facts.answerCharacters);
    this.languages.set(facts.language, (this.languages.get(facts.language) ?? 0) + 1);
    this.tasks.set(facts.task, (this.tasks.get(facts.task) ?? 0) + 1);
  }

  /** The problems of one row, of whatever stage: may come at any time before `finish`, once for each row and stage. */
  addProblems(checks: readonly CheckId[]): void {
    for (const check of checks) entry(this.problems, check, noProblems).problems++;
    for (const check of new Set(checks)) entry(this.problems, check, noProblems).rows++;
  }

  finish(split: SplitCounts | null = null): DatasetStatistics {
    const inTokens = this.tokens.size === this.usable && this.usable > 0;
    const tasks = byRows([...this.tasks].map(([task, rows]) => ({ task, rows })));
    return {
      rows: this.rows,
      usable: this.usable,
      formats: byRows([...this.formats].map(([format, counts]) => ({ format, ...counts }))),
      problems: byRows([...this.problems].map(([check, counts]) => ({ check, ...counts }))),
      length: inTokens
        ? { unit: "tokens", ...this.tokens.figures() }
        : { unit: "characters", ...this.characters.figures() },
      promptLength: this.prompts.figures(),
      answerLength: this.answers.figures(),
      languages: byRows([...this.languages].map(([language, rows]) => ({ language, rows }))),
      tasks: tasks.slice(0, MOST_TASKS),
      moreTasks: Math.max(0, tasks.length - MOST_TASKS),
      split,
      duplicates: {
        exact: this.rowsWith("duplicate-row"),
        near: this.rowsWith("near-duplicate"),
        conflicting: this.rowsWith("conflicting-answers"),
        leaked: this.rowsWith("held-out-leak"),
      },
    };
  }

  private rowsWith(check: CheckId): number {
    return this.problems.get(check)?.rows ?? 0;
  }
}

function noProblems(): { problems: number; rows: number } {
  return { problems: 0, rows: 0 };
}

function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

function byRows<Item extends { rows: number }>(items: Item[]): Item[] {
  return items.sort((a, b) => b.rows - a.rows);
}
