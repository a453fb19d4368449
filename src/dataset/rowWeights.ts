import { createHash } from "node:crypto";

/**
 * How often each training row of one data set is learned from in a pass. A weight's whole part is that many times each
 * row; its fraction is a share of the rows, chosen by seeded hashes, that is taken once more. Of n rows exactly
 * round(n · fraction) are chosen, spread over the file; a weight below 1 leaves at least one row.
 */
export class RowWeights {
  readonly #whole: number;
  readonly #fraction: number;
  #seen = 0;
  #chosen = 0;

  constructor(
    weight: number,
    private readonly seed: number,
    /** Index of the data set, so that equal files do not lose the same rows. */
    private readonly source: number,
  ) {
    this.#whole = Math.floor(weight);
    this.#fraction = weight - this.#whole;
  }

  /** For the next rows in the file's order, given by their 1-based lines: how often each. */
  next(rows: readonly number[]): number[] {
    const copies = rows.map(() => this.#whole);
    this.#seen += rows.length;
    const due = this.#due() - this.#chosen;
    if (due <= 0) return copies;
    const byHash = rows.map((row, index) => ({ index, hash: this.#hash(row) })).sort((a, b) => a.hash - b.hash);
    for (const { index } of byHash.slice(0, due)) copies[index]!++;
    this.#chosen += Math.min(due, rows.length);
    return copies;
  }

  #due(): number {
    if (this.#seen === 0) return 0;
    return Math.max(this.#whole === 0 ? 1 : 0, Math.round(this.#seen * this.#fraction));
  }

  #hash(row: number): number {
    const digest = createHash("sha1").update(`${this.seed}\n${this.source}\n${row}`).digest();
    return digest.readUIntBE(0, 6);
  }
}
