/** Whether one kind of task outweighs all others: what is learned then is mostly that. */

import type { FileFinding } from "../duplicates/finding";
import type { RowPath } from "../problem";
import { OTHER_TASK, type Task } from "./task";

const FEWEST_ROWS = 200;
/** A file with fewer tasks is made for them. */
const FEWEST_TASKS = 5;
const MOST_SHARE = 0.6;

export class TaskBalance {
  private readonly counts = new Map<Task, { rows: number; first: number; path: RowPath }>();
  private rows = 0;

  add(row: number, task: Task, instructionPath: RowPath): void {
    this.rows++;
    const known = this.counts.get(task);
    if (known) known.rows++;
    else this.counts.set(task, { rows: 1, first: row, path: instructionPath });
  }

  /** One for the whole file, at the first row with the task. */
  finding(): FileFinding | null {
    const named = [...this.counts].filter(([task]) => task !== OTHER_TASK);
    if (this.rows < FEWEST_ROWS || named.length < FEWEST_TASKS) return null;
    const largest = named.find(([, { rows }]) => rows > this.rows * MOST_SHARE);
    if (!largest) return null;
    const [task, { rows, first, path }] = largest;
    const share = Math.floor((rows / this.rows) * 100);
    return {
      row: first,
      problem: {
        check: "task-imbalance",
        message: `${share} % of this file's instructions are of one kind ("${task}"), as this one is: add rows of other kinds unless that is meant.`,
        path,
      },
    };
  }
}
