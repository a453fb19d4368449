import type { HeldOutBy } from "../../protocol/run";
import { type HeldOutTest, SplitPlanner, type SplitRow } from "../split";
import type { SplitCounts } from "./statistics";

export interface SplitSettings {
  /** The share of the rows that is held out: 0 to 1. */
  fraction: number;
  by: HeldOutBy;
  seed: number;
}

/** How a run would split the usable rows: each is planned, then each is counted, in two passes over the file. */
export class SplitCount {
  private readonly planner: SplitPlanner;
  private test: HeldOutTest | null = null;
  private readonly rows: SplitCounts = { train: 0, heldOut: 0 };

  constructor({ fraction, by, seed }: SplitSettings) {
    this.planner = new SplitPlanner(fraction, by, seed);
  }

  plan(row: SplitRow): void {
    this.planner.add(row);
  }

  /** Only when every row is planned. Returns whether the row is held out. */
  count(row: SplitRow): boolean {
    this.test ??= this.planner.finish();
    const heldOut = this.test(row);
    this.rows[heldOut ? "heldOut" : "train"]++;
    return heldOut;
  }

  get counts(): SplitCounts {
    return { ...this.rows };
  }
}
