/** From a fingerprint to the first row that has it: open addressing in typed arrays, 16 bytes a slot. */

import type { Fingerprint } from "./fingerprint";

const SMALLEST = 1024;
/** Beyond it probing slows down; the table is doubled, up to the slots that its limit asks for. */
const FULL = 0.75;

export class FingerprintTable {
  private high: Int32Array;
  private low: Int32Array;
  private rows: Uint32Array;
  private values: Int32Array;
  private used = 0;

  /** `limit`: rows that are held at most, which bounds the memory; `expected` spares the doubling. */
  constructor(
    private readonly limit: number,
    expected = 0,
  ) {
    let slots = SMALLEST;
    while (slots * FULL < Math.min(expected, limit)) slots *= 2;
    this.high = new Int32Array(slots);
    this.low = new Int32Array(slots);
    this.rows = new Uint32Array(slots);
    this.values = new Int32Array(slots);
  }

  get size(): number {
    return this.used;
  }

  get bytes(): number {
    return this.rows.length * 16;
  }

  /** What was put in first under this fingerprint. */
  get(fingerprint: Fingerprint): { row: number; value: number } | null {
    const slot = this.find(fingerprint.high, fingerprint.low);
    return this.rows[slot] === 0 ? null : { row: this.rows[slot]! - 1, value: this.values[slot]! };
  }

  /** Only for a fingerprint that `get` did not find. False: the table holds as many as it may. `value`: 32 bits. */
  add(fingerprint: Fingerprint, row: number, value = 0): boolean {
    if (this.used >= this.limit) return false;
    if (this.used + 1 > this.rows.length * FULL) this.double();
    this.put(fingerprint.high, fingerprint.low, row + 1, value);
    this.used++;
    return true;
  }

  private put(high: number, low: number, mark: number, value: number): void {
    const slot = this.find(high, low);
    this.high[slot] = high;
    this.low[slot] = low;
    this.rows[slot] = mark;
    this.values[slot] = value;
  }

  /** The slot that holds the fingerprint, or the empty one where it belongs. Row 0 is stored as 1: 0 is empty. */
  private find(high: number, low: number): number {
    const mask = this.rows.length - 1;
    let slot = low & mask;
    while (this.rows[slot] !== 0 && (this.low[slot] !== low || this.high[slot] !== high)) slot = (slot + 1) & mask;
    return slot;
  }

  private double(): void {
    const { high, low, rows, values } = this;
    this.high = new Int32Array(rows.length * 2);
    this.low = new Int32Array(rows.length * 2);
    this.rows = new Uint32Array(rows.length * 2);
    this.values = new Int32Array(rows.length * 2);
    for (let slot = 0; slot < rows.length; slot++) {
      if (rows[slot] !== 0) this.put(high[slot]!, low[slot]!, rows[slot]!, values[slot]!);
    }
  }
}
