/** Answers whose length is far from the others': a file read as one answer, an answer cut to a word. */

import type { FileFinding } from "../duplicates/finding";
import type { ExactFacts } from "../duplicates/rowFacts";
import { LengthDistribution } from "./lengthDistribution";
import { PathTable } from "./pathTable";
import { OTHER_TASK, type Task } from "./task";

/** In a smaller file no length is unusual. */
const FEWEST_ROWS = 200;
/** An answer is long beyond this multiple of the median, and short below the median divided by SHORT. */
const LONG = 20;
const SHORT = 50;
/** No answer up to this many characters is too long, whatever the others' are. */
const NEVER_LONG = 4000;
/**
 * What these ask for takes more than a word. A question, or "find the …", may well be answered by a number, so that only
 * these answers can be too short.
 */
const LONG_TASKS: ReadonlySet<Task> = new Set(
  "build code construct create demonstrate describe design develop explain generate implement make refactor rewrite write".split(
    " ",
  ),
);
/** Where more rows are that long, or that short, they are another kind of row and no accident. */
const MOST_SHARE = 0.01;

const FIRST_ROOM = 1024;

export class OutlierLengths {
  private readonly distribution = new LengthDistribution();
  private readonly paths = new PathTable();
  private rows = new Uint32Array(FIRST_ROOM);
  private lengths = new Uint32Array(FIRST_ROOM);
  private pathNumbers = new Uint16Array(FIRST_ROOM);
  private longTasks = new Uint8Array(FIRST_ROOM);
  private used = 0;

  /** `limit`: rows that are looked at, the first ones. */
  constructor(private readonly limit: number) {}

  get bytes(): number {
    const { rows, lengths, pathNumbers, longTasks } = this;
    return rows.byteLength + lengths.byteLength + pathNumbers.byteLength + longTasks.byteLength;
  }

  add(row: number, { answerCharacters, answerPath, task = OTHER_TASK }: ExactFacts & { task?: Task }): void {
    if (answerCharacters === 0 || this.used >= this.limit) return;
    if (this.used === this.rows.length) this.grow();
    this.rows[this.used] = row;
    this.lengths[this.used] = answerCharacters;
    this.pathNumbers[this.used] = this.paths.numberOf(answerPath);
    this.longTasks[this.used] = LONG_TASKS.has(task) ? 1 : 0;
    this.used++;
    this.distribution.add(answerCharacters);
  }

  *findings(): Generator<FileFinding, void> {
    if (this.used < FEWEST_ROWS) return;
    const median = this.distribution.quantile(0.5);
    const longest = Math.max(median * LONG, NEVER_LONG);
    const shortest = median / SHORT;
    const most = this.used * MOST_SHARE;
    for (const isOutlier of [
      (entry: number) => this.lengths[entry]! > longest,
      (entry: number) => this.lengths[entry]! < shortest && this.longTasks[entry] === 1,
    ]) {
      if (this.count(isOutlier) > most) continue;
      for (let entry = 0; entry < this.used; entry++) if (isOutlier(entry)) yield this.finding(entry, median);
    }
  }

  private count(isOutlier: (entry: number) => boolean): number {
    let found = 0;
    for (let entry = 0; entry < this.used; entry++) if (isOutlier(entry)) found++;
    return found;
  }

  private finding(entry: number, median: number): FileFinding {
    const length = this.lengths[entry]!;
    const characters = `${length.toLocaleString("en")} character${length === 1 ? "" : "s"}`;
    const half = Math.round(median).toLocaleString("en");
    return {
      row: this.rows[entry]!,
      problem: {
        check: "suspicious-length",
        message: `The answer has ${characters} where half of this file's answers have ${length > median ? "at most" : "at least"} ${half}: check that it is meant.`,
        path: this.paths.path(this.pathNumbers[entry]!),
      },
    };
  }

  private grow(): void {
    const room = Math.min(this.limit, this.rows.length * 2);
    const { rows, lengths, pathNumbers, longTasks } = this;
    this.rows = new Uint32Array(room);
    this.lengths = new Uint32Array(room);
    this.pathNumbers = new Uint16Array(room);
    this.longTasks = new Uint8Array(room);
    this.rows.set(rows);
    this.lengths.set(lengths);
    this.pathNumbers.set(pathNumbers);
    this.longTasks.set(longTasks);
  }
}
