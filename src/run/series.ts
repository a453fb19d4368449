import type { Point } from "../protocol/webview";

/** Of a longer run older steps are thinned out: memory stays bounded, and 100,000 steps are all there. */
const MAX_POINTS = 1 << 18;

/** Values at ascending steps, as two columns: a run has 100,000 of them, and they grow one at a time. */
export class Series {
  readonly steps: number[] = [];
  readonly values: number[] = [];

  get length(): number {
    return this.steps.length;
  }

  get lastStep(): number | null {
    return this.steps.at(-1) ?? null;
  }

  get lastValue(): number | null {
    return this.values.at(-1) ?? null;
  }

  /**
   * A step that is not above the last is left out: it has been told already. True where there was no room and points
   * before were thinned out: those that were handed on no longer lie where they were.
   */
  add(step: number, value: number): boolean {
    const last = this.lastStep;
    if (last !== null && step <= last) return false;
    const thinned = this.length >= MAX_POINTS;
    if (thinned) this.#thinOut();
    this.steps.push(step);
    this.values.push(value);
    return thinned;
  }

  /** Of each four points the lowest and the highest stay, so that no peak is lost; the first always. */
  #thinOut(): void {
    const { steps, values } = this;
    let kept = 1;
    const keep = (index: number) => {
      steps[kept] = steps[index]!;
      values[kept] = values[index]!;
      kept++;
    };
    for (let start = 1; start < this.length; start += 4) {
      let lowest = start;
      let highest = start;
      for (let index = start + 1; index < Math.min(start + 4, this.length); index++) {
        if (values[index]! < values[lowest]!) lowest = index;
        if (values[index]! >= values[highest]!) highest = index;
      }
      keep(Math.min(lowest, highest));
      if (lowest !== highest) keep(Math.max(lowest, highest));
    }
    steps.length = kept;
    values.length = kept;
  }

  /** Drops what lies behind a step; true where there was something. */
  truncateAfter(step: number): boolean {
    const before = this.length;
    let kept = before;
    while (kept > 0 && this.steps[kept - 1]! > step) kept--;
    this.steps.length = kept;
    this.values.length = kept;
    return kept < before;
  }

  points(): Point[] {
    return this.steps.map((step, index) => ({ step, value: this.values[index]! }));
  }
}
