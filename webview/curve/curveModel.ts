import type { CurveMark, CurvePiece, SeriesName } from "../../src/protocol/curveView";
import { SeriesData } from "./seriesData";
import { Smoother, smoothingWindow } from "./smoothing";

/** What a chart draws: values at the same steps, null where a series has none. */
export interface DrawnCurve {
  steps: number[];
  loss: (number | null)[];
  smoothed: (number | null)[];
  evalLoss: (number | null)[];
}

export interface StepRange {
  from: number;
  to: number;
}

export const seriesNames: readonly SeriesName[] = [
  "loss",
  "evalLoss",
  "learningRate",
  "gradientNorm",
  "tokensPerSecond",
  "memory",
  "utilisation",
  "temperature",
];

/** What is measured now and then, not at each step. */
export const readings: ReadonlySet<SeriesName> = new Set(["memory", "utilisation", "temperature"]);

/** All points of a run, however many, and the few of them that a picture or a table needs. */
export class CurveModel {
  readonly series = Object.fromEntries(seriesNames.map((name) => [name, new SeriesData()])) as Record<
    SeriesName,
    SeriesData
  >;
  readonly marks: CurveMark[] = [];
  #smoother: Smoother;

  constructor(totalSteps: number, smoothing = 1) {
    this.#smoother = new Smoother(smoothingWindow(totalSteps, smoothing));
  }

  get loss(): SeriesData {
    return this.series.loss;
  }

  get evalLoss(): SeriesData {
    return this.series.evalLoss;
  }

  append({ series, marks }: Pick<CurvePiece, "series" | "marks">): void {
    for (const name of seriesNames) {
      const piece = series[name];
      if (piece !== undefined) this.series[name].append(piece);
    }
    this.#smooth();
    this.marks.push(...marks);
  }

  setSmoothing(totalSteps: number, smoothing: number): void {
    this.#smoother = new Smoother(smoothingWindow(totalSteps, smoothing));
    this.#smooth();
  }

  #smooth(): void {
    for (let index = this.#smoother.values.length; index < this.loss.length; index++) {
      this.#smoother.add(this.loss.valueAt(index));
    }
  }

  get lastStep(): number {
    return Math.max(this.loss.lastStep, this.evalLoss.lastStep);
  }

  get smoothedLast(): number | null {
    return this.#smoother.values.at(-1) ?? null;
  }

  /** Of the lowest held-out loss so far, as the engine has called it. */
  get bestStep(): number | null {
    return this.marks.findLast((mark) => mark.kind === "best")?.step ?? null;
  }

  /** The losses between two steps with about `limit` points. */
  draw(limit: number, range: StepRange | null = null): DrawnCurve {
    const { loss, evalLoss } = this;
    const [from, to] = placesOf(loss, range);
    const drawn: DrawnCurve = { steps: [], loss: [], smoothed: [], evalLoss: [] };
    let [next, end] = placesOf(evalLoss, range);
    const push = (step: number, index: number | null, evaluated: number | null) => {
      drawn.steps.push(step);
      drawn.loss.push(index === null ? null : loss.valueAt(index));
      drawn.smoothed.push(index === null ? null : this.#smoother.values[index]!);
      drawn.evalLoss.push(evaluated);
    };
    const pushEval = () => push(evalLoss.stepAt(next), null, evalLoss.valueAt(next++));
    for (const index of loss.downsample(limit, from, to)) {
      const step = loss.stepAt(index);
      while (next < end && evalLoss.stepAt(next) < step) pushEval();
      const here = next < end && evalLoss.stepAt(next) === step;
      push(step, index, here ? evalLoss.valueAt(next++) : null);
    }
    while (next < end) pushEval();
    return drawn;
  }

  /** One series between two steps with about `limit` points; a reading holds until the next one, or the curve's end. */
  drawSeries(name: SeriesName, limit: number, range: StepRange | null = null): { steps: number[]; values: number[] } {
    const series = this.series[name];
    const places = series.downsample(limit, ...placesOf(series, range));
    const steps = places.map((index) => series.stepAt(index));
    const values = places.map((index) => series.valueAt(index));
    if (readings.has(name)) {
      const from = range?.from ?? 0;
      const to = Math.min(this.lastStep, range?.to ?? this.lastStep);
      const [first, last] = [this.valueAt(name, from), this.valueAt(name, to)];
      if (last !== null && to > (steps.at(-1) ?? -1)) {
        steps.push(to);
        values.push(last);
      }
      if (first !== null && from < steps[0]!) {
        steps.unshift(from);
        values.unshift(first);
      }
    }
    return { steps, values };
  }

  /** The losses at a step, or at the last before it; null before the first and after the last. */
  at(step: number): { loss: number | null; smoothed: number | null; evalLoss: number | null } {
    const index = this.loss.placeAt(step);
    const within = index >= 0 && step <= this.lastStep;
    return {
      loss: within ? this.loss.valueAt(index) : null,
      smoothed: within ? this.#smoother.values[index]! : null,
      evalLoss: this.valueAt("evalLoss", step),
    };
  }

  /** The value of a series at a step, or at the last before it; null before the first and after the curve's end. */
  valueAt(name: SeriesName, step: number): number | null {
    const series = this.series[name];
    const index = series.placeAt(step);
    return index >= 0 && step <= this.lastStep ? series.valueAt(index) : null;
  }

  /** About `most` steps in sight, evenly, and about as many of those with an eval. */
  tableSteps(most: number, range: StepRange | null = null): number[] {
    const steps = [this.loss, this.evalLoss].flatMap((series) => {
      const [from, to] = placesOf(series, range);
      const every = Math.max(1, Math.ceil((to - from) / most));
      const places = Array.from({ length: Math.ceil((to - from) / every) }, (_, index) => from + index * every);
      if (to > from) places.push(to - 1);
      return places.map((index) => series.stepAt(index));
    });
    return [...new Set(steps)].sort((a, b) => a - b);
  }
}

function placesOf(series: SeriesData, range: StepRange | null): [from: number, to: number] {
  if (range === null) return [0, series.length];
  return [series.lowerBound(range.from), series.lowerBound(range.to + 1)];
}
