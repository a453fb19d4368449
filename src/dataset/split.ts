import { createHash } from "node:crypto";
import type { HeldOutBy } from "../protocol/run";

/** Which rows are held out: decided by seeded hashes, so that neither the rows' order nor their number moves a row. */

export interface SplitRow {
  /** The line's text. */
  text: string;
  source: string | null;
}

export type HeldOutTest = (row: SplitRow) => boolean;

/** Sources counted one by one; a file with more is split by the sources' hashes alone, which then is precise enough. */
export const COUNTED_SOURCES = 65_536;

/** With fewer sources, `auto` splits by row: one held-out source would be a large or an untypical part of the data. */
export const FEWEST_SOURCES = 5;

/** Takes every usable row once, then says for each whether it is held out. Memory is bounded. */
export class SplitPlanner {
  private readonly rows = new HashRange();
  private readonly sources = new HashRange();
  private sourceRows = 0;
  private counts: Map<string, number> | null = new Map();

  constructor(
    private readonly fraction: number,
    private readonly by: HeldOutBy,
    private readonly seed: number,
    private readonly countedSources = COUNTED_SOURCES,
  ) {}

  add(row: SplitRow): void {
    const source = this.by === "row" ? null : row.source;
    if (source === null || this.by === "auto") this.rows.add(this.hash(row.text));
    if (source === null) return;
    this.sources.add(this.hash(source));
    this.sourceRows++;
    if (this.counts === null) return;
    this.counts.set(source, (this.counts.get(source) ?? 0) + 1);
    if (this.counts.size > this.countedSources) this.counts = null;
  }

  /** Both sides get something wherever there are two different rows (or sources) to share out. */
  finish(): HeldOutTest {
    const bySource = this.splitsBySource();
    const heldSources = this.counts === null ? null : this.chooseSources(this.counts);
    return ({ text, source }) => {
      if (!bySource || source === null) {
        const needed = !bySource || this.sourceRows === 0;
        return this.rows.below(this.hash(text), this.fraction, needed);
      }
      if (heldSources !== null) return heldSources.has(source);
      return this.sources.below(this.hash(source), this.fraction, true);
    };
  }

  private splitsBySource(): boolean {
    if (this.by !== "auto") return this.by === "source";
    return this.counts === null || this.counts.size >= FEWEST_SOURCES;
  }

  /** Sources in the order of their hashes, as long as they fit into the share; never all, and at least one. */
  private chooseSources(counts: Map<string, number>): Set<string> {
    const share = this.fraction * this.sourceRows;
    const ordered = [...counts]
      .map(([source, rows]) => ({ source, rows, hash: this.hash(source) }))
      .sort((a, b) => a.hash - b.hash || (a.source < b.source ? -1 : 1));
    const held = new Set<string>();
    let rows = 0;
    for (const candidate of ordered) {
      if (rows + candidate.rows > share || held.size + 1 === ordered.length) continue;
      held.add(candidate.source);
      rows += candidate.rows;
    }
    if (held.size === 0 && ordered.length > 1) {
      const smallest = ordered.reduce((best, candidate) => (candidate.rows < best.rows ? candidate : best));
      held.add(smallest.source);
    }
    return held;
  }

  /** Uniform in [0, 1). */
  private hash(text: string): number {
    const digest = createHash("sha1").update(`${this.seed}\n`).update(text).digest();
    return digest.readUIntBE(0, 6) / 2 ** 48;
  }
}

/** The least and the greatest hash seen, so that a small file cannot end up with nothing on one side. */
class HashRange {
  private least = Number.POSITIVE_INFINITY;
  private greatest = Number.NEGATIVE_INFINITY;

  add(hash: number): void {
    if (hash < this.least) this.least = hash;
    if (hash > this.greatest) this.greatest = hash;
  }

  below(hash: number, fraction: number, bothSides: boolean): boolean {
    if (!bothSides || this.least === this.greatest) return hash < fraction;
    if (hash === this.least) return true;
    if (hash === this.greatest) return false;
    return hash < fraction;
  }
}
