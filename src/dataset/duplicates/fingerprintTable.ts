/** From a fingerprint to the first row that has it: open addressing in typed arrays, 16 bytes a slot. */

import type { Fingerprint } from "./fingerprint";

const SMALLEST = 1024;
/** Beyond it probing slows down; the table is doubled, up to the slots that its limit asks for. */
const FULL = 0.75;

/** Numbers to a slot, which lies in one line of the cache: a lookup in a large table is one access to the memory, not four. */
const SLOT = 4;
const HIGH = 0;
const LOW = 1;
/** The row and 1: 0 is an empty slot. */
const MARK = 2;
const VALUE = 3;

export class FingerprintTable {
  private slots: Int32Array;
  private used = 0;

  /** `limit`: rows that are held at most, which bounds the memory; `expected` spares the doubling. */
  constructor(
    private readonly limit: number,
    expected = 0,
  ) {
    let slots = SMALLEST;
    while (slots * FULL < Math.min(expected, limit)) slots *= 2;
    this.slots = new Int32Array(slots * SLOT);
  }

  get size(): number {
    return this.used;
  }

  get bytes(): number {
    return this.slots.byteLength;
  }

  /** What was put in first under this fingerprint. */
  get(fingerprint: Fingerprint): { row: number; value: number } | null {
    const slot = this.find(fingerprint.high, fingerprint.low);
    const mark = this.slots[slot + MARK]! >>> 0;
    return mark === 0 ? null : { row: mark - 1, value: this.slots[slot + VALUE]! };
  }

  /** Only for a fingerprint that `get` did not find. False: the table holds as many as it may. `value`: 32 bits. */
  add(fingerprint: Fingerprint, row: number, value = 0): boolean {
    if (this.used >= this.limit) return false;
    if ((this.used + 1) * SLOT > this.slots.length * FULL) this.double();
    this.put(fingerprint.high, fingerprint.low, row + 1, value);
    this.used++;
    return true;
  }

  private put(high: number, low: number, mark: number, value: number): void {
    const slot = this.find(high, low);
    this.slots[slot + HIGH] = high;
    this.slots[slot + LOW] = low;
    this.slots[slot + MARK] = mark;
    this.slots[slot + VALUE] = value;
  }

  /** Where the slot begins that holds the fingerprint, or the empty one where it belongs. */
  private find(high: number, low: number): number {
    const { slots } = this;
    const mask = slots.length - 1;
    let slot = (low << 2) & mask;
    while (slots[slot + MARK] !== 0 && (slots[slot + LOW] !== low || slots[slot + HIGH] !== high)) {
      slot = (slot + SLOT) & mask;
    }
    return slot;
  }

  private double(): void {
    const old = this.slots;
    this.slots = new Int32Array(old.length * 2);
    for (let slot = 0; slot < old.length; slot += SLOT) {
      if (old[slot + MARK] !== 0) this.put(old[slot + HIGH]!, old[slot + LOW]!, old[slot + MARK]!, old[slot + VALUE]!);
    }
  }
}
