import type { Point } from "../protocol/webview";

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

  /** A step that is not above the last is left out: it has been told already. */
  add(step: number, value: number): void {
    const last = this.lastStep;
    if (last !== null && step <= last) return;
    this.steps.push(step);
    this.values.push(value);
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
