/** Picks the rows of a file that can be looked at: some spread evenly over it, and the first ones of each check. */

import type { CheckId } from "../checks/table";

export interface RowDescription {
  /** The beginning of the instruction. */
  title: string;
  /** In characters. */
  length: number;
  language: string;
  task: string;
}

export interface SampledRow {
  /** 1-based line. */
  row: number;
  /** Null where the row cannot be read, and of a row in which something was found when it had gone by. */
  description: RowDescription | null;
  problems: { check: CheckId; message: string }[];
}

interface Entry extends SampledRow {
  /** Among the rows that are picked evenly; null: it is here for what was found in it. */
  index: number | null;
  pinned: boolean;
}

/** Rows picked evenly: at least half as many where the file has them. */
const MOST_EVEN = 2000;
/** Of each check. */
const MOST_FOUND = 50;
const MOST_PROBLEMS = 20;
const LONGEST_MESSAGE = 400;

export class RowSample {
  private readonly entries = new Map<number, Entry>();
  private readonly found = new Map<CheckId, number>();
  /** What was found in the last row: it may be picked after that. */
  private last: { row: number; problems: SampledRow["problems"] } = { row: 0, problems: [] };
  private rows = 0;
  private even = 0;
  /** Every so many rows one is picked. */
  private stride = 1;

  constructor(private readonly mostEven = MOST_EVEN) {}

  /** `describe` is called only where the row is picked. Rows come in the file's order, after what was found in them. */
  add(row: number, describe: () => RowDescription): void {
    const index = this.rows++;
    const known = this.entries.get(row);
    if (known) known.description = describe();
    if (index % this.stride !== 0) return;
    this.even++;
    if (known) known.index = index;
    else {
      const problems = this.last.row === row ? this.last.problems : [];
      this.entries.set(row, { row, description: describe(), problems, index, pinned: false });
    }
    if (this.even > this.mostEven) this.thinOut();
  }

  problem(row: number, check: CheckId, message: string): void {
    if (this.last.row !== row) this.last = { row, problems: this.entries.get(row)?.problems ?? [] };
    const { problems } = this.last;
    if (problems.length < MOST_PROBLEMS) problems.push({ check, message: message.slice(0, LONGEST_MESSAGE) });
    const count = this.found.get(check) ?? 0;
    if (count >= MOST_FOUND) return;
    const known = this.entries.get(row);
    if (known?.pinned && problems.some((before) => before.check === check && before !== problems.at(-1))) return;
    this.found.set(check, count + 1);
    if (known) known.pinned = true;
    else this.entries.set(row, { row, description: null, problems, index: null, pinned: true });
  }

  /** In the file's order. */
  list(): SampledRow[] {
    return [...this.entries.values()].sort((a, b) => a.row - b.row);
  }

  private thinOut(): void {
    this.stride *= 2;
    this.even = 0;
    for (const entry of this.entries.values()) {
      if (entry.index === null) continue;
      if (entry.index % this.stride === 0) this.even++;
      else if (entry.pinned) entry.index = null;
      else this.entries.delete(entry.row);
    }
  }
}
