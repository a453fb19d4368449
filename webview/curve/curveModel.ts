import type { Point, RunSnapshot } from "../../src/protocol/webview";
import { downsample, lowerBound } from "./downsample";
import { Smoother, smoothingWindow } from "./smoothing";

export type Curve = RunSnapshot["curve"];

/** What the chart draws: values at the same steps, null where a series has none. */
export interface DrawnCurve {
  steps: number[];
  loss: (number | null)[];
  smoothed: (number | null)[];
  evalLoss: (number | null)[];
}

export interface CurveRow {
  step: number;
  loss: number | null;
  smoothed: number | null;
  evalLoss: number | null;
}

/** All points of a run, however many, and the few of them that a picture or a table needs. */
export class CurveModel {
  readonly loss: Point[] = [];
  readonly evalLoss: Point[] = [];
  readonly checkpoints: number[] = [];
  readonly #smoother: Smoother;

  constructor(curve: Curve, totalSteps: number) {
    this.#smoother = new Smoother(smoothingWindow(totalSteps));
    this.append(curve);
  }

  /** Points that are there already are left out: a snapshot and the messages after it may overlap. */
  append(added: Curve): void {
    for (const point of added.loss) {
      if (point.step <= (this.loss.at(-1)?.step ?? -1)) continue;
      this.loss.push(point);
      this.#smoother.add(point.value);
    }
    for (const point of added.evalLoss) {
      if (point.step > (this.evalLoss.at(-1)?.step ?? -1)) this.evalLoss.push(point);
    }
    for (const step of added.checkpoints) {
      if (step > (this.checkpoints.at(-1) ?? -1)) this.checkpoints.push(step);
    }
  }

  get lastStep(): number {
    return Math.max(this.loss.at(-1)?.step ?? 0, this.evalLoss.at(-1)?.step ?? 0);
  }

  get smoothedLast(): number | null {
    return this.#smoother.values.at(-1) ?? null;
  }

  /** The curve between two steps with about `limit` points. */
  draw(limit: number, range: { from: number; to: number } | null = null): DrawnCurve {
    const from = range === null ? 0 : lowerBound(this.loss, range.from);
    const to = range === null ? this.loss.length : lowerBound(this.loss, range.to + 1);
    const indices = downsample(this.loss, limit, from, to);
    const evals = this.evalLoss.filter(
      (point) => range === null || (point.step >= range.from && point.step <= range.to),
    );
    const drawn: DrawnCurve = { steps: [], loss: [], smoothed: [], evalLoss: [] };
    let next = 0;
    const push = (step: number, index: number | null, evalLoss: number | null) => {
      drawn.steps.push(step);
      drawn.loss.push(index === null ? null : this.loss[index]!.value);
      drawn.smoothed.push(index === null ? null : this.#smoother.values[index]!);
      drawn.evalLoss.push(evalLoss);
    };
    for (const index of indices) {
      const { step } = this.loss[index]!;
      for (; next < evals.length && evals[next]!.step < step; next++) push(evals[next]!.step, null, evals[next]!.value);
      const here = evals[next]?.step === step ? evals[next++]!.value : null;
      push(step, index, here);
    }
    for (; next < evals.length; next++) push(evals[next]!.step, null, evals[next]!.value);
    return drawn;
  }

  /** The values at a step, or at the last before it; null before the first and after the last. */
  at(step: number): Omit<CurveRow, "step"> {
    const index = lowerBound(this.loss, step + 1) - 1;
    const within = index >= 0 && step <= this.lastStep;
    const evaluated = this.evalLoss[lowerBound(this.evalLoss, step + 1) - 1];
    return {
      loss: within ? this.loss[index]!.value : null,
      smoothed: within ? this.#smoother.values[index]! : null,
      evalLoss: step <= this.lastStep ? (evaluated?.value ?? null) : null,
    };
  }

  /** About `limit` steps evenly over the run, and every step with an eval. */
  rows(limit: number): CurveRow[] {
    const every = Math.max(1, Math.ceil(this.loss.length / limit));
    const rows = new Map<number, CurveRow>();
    this.loss.forEach((point, index) => {
      if (index % every !== 0 && index !== this.loss.length - 1) return;
      rows.set(point.step, {
        step: point.step,
        loss: point.value,
        smoothed: this.#smoother.values[index]!,
        evalLoss: null,
      });
    });
    for (const { step, value } of this.evalLoss) {
      const row = rows.get(step) ?? this.#rowAt(step);
      row.evalLoss = value;
      rows.set(step, row);
    }
    return [...rows.values()].sort((a, b) => a.step - b.step);
  }

  #rowAt(step: number): CurveRow {
    const index = lowerBound(this.loss, step);
    const point = this.loss[index];
    const known = point?.step === step;
    return {
      step,
      loss: known ? point.value : null,
      smoothed: known ? this.#smoother.values[index]! : null,
      evalLoss: null,
    };
  }
}
