import type { SeriesPiece } from "../../src/protocol/seriesPiece";

const FIRST_CAPACITY = 1024;

/** Values at ascending steps that grow: two columns which are doubled when they are full. */
export class SeriesData {
  #steps = new Float64Array(FIRST_CAPACITY);
  #values = new Float64Array(FIRST_CAPACITY);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get lastStep(): number {
    return this.#length === 0 ? 0 : this.stepAt(this.#length - 1);
  }

  get lastValue(): number | null {
    return this.#length === 0 ? null : this.valueAt(this.#length - 1);
  }

  /** Of a place from 0 to `length` − 1. */
  stepAt(index: number): number {
    return this.#steps[index]!;
  }

  valueAt(index: number): number {
    return this.#values[index]!;
  }

  /** Steps that are there already are left out. */
  append({ gaps, values }: SeriesPiece): void {
    for (let index = 0, step = 0; index < gaps.length; index++) {
      step += gaps[index]!;
      this.add(step, values[index]!);
    }
  }

  add(step: number, value: number): void {
    if (this.#length > 0 && step <= this.lastStep) return;
    if (this.#length === this.#steps.length) this.#grow();
    this.#steps[this.#length] = step;
    this.#values[this.#length] = value;
    this.#length++;
  }

  #grow(): void {
    const larger = (from: Float64Array) => {
      const made = new Float64Array(from.length * 2);
      made.set(from);
      return made;
    };
    this.#steps = larger(this.#steps);
    this.#values = larger(this.#values);
  }

  /** The first place whose step is at least `step`. */
  lowerBound(step: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#steps[middle]! < step) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The place of a step, or of the last before it; −1 before the first. */
  placeAt(step: number): number {
    return this.lowerBound(step + 1) - 1;
  }

  /** The value of exactly this step. */
  exactly(step: number): number | null {
    const index = this.lowerBound(step);
    return index < this.#length && this.#steps[index] === step ? this.#values[index]! : null;
  }

  /**
   * At most about `limit` places from `from` up to `to`, ascending: of each stretch the lowest and the highest value, so
   * that no peak is lost. First and last are always among them.
   */
  downsample(limit: number, from = 0, to = this.#length): number[] {
    const length = to - from;
    if (length <= limit || limit < 4) return Array.from({ length }, (_, index) => from + index);
    const values = this.#values;
    const stretches = Math.floor((limit - 2) / 2);
    const chosen = [from];
    for (let stretch = 0; stretch < stretches; stretch++) {
      const start = from + 1 + Math.floor((stretch * (length - 2)) / stretches);
      const end = from + 1 + Math.floor(((stretch + 1) * (length - 2)) / stretches);
      let lowest = start;
      let highest = start;
      for (let index = start + 1; index < end; index++) {
        if (values[index]! < values[lowest]!) lowest = index;
        if (values[index]! > values[highest]!) highest = index;
      }
      chosen.push(Math.min(lowest, highest));
      if (lowest !== highest) chosen.push(Math.max(lowest, highest));
    }
    chosen.push(to - 1);
    return chosen;
  }
}
