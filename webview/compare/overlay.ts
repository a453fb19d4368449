/** The figures of several curves at the same steps. Pure. */
import type { CurveModel, StepRange } from "../curve/curveModel";

export type Series = (number | null | undefined)[];

/** Which of a run's curves is drawn. */
export type CurveKind = "loss" | "evalLoss";

export interface Overlay {
  steps: number[];
  /** Two a run: each step, and smoothed. Of the held-out loss both are the same points. */
  series: { each: Series; smoothed: Series }[];
}

/** About `limit` points of each run between two steps; where a run has none, there is a gap. */
export function overlay(
  models: readonly CurveModel[],
  kind: CurveKind,
  limit: number,
  range: StepRange | null = null,
): Overlay {
  const drawn = models.map((model) => {
    const { steps, loss, smoothed, evalLoss } = model.draw(limit, range);
    return kind === "loss" ? { steps, each: loss, smoothed } : { steps, each: evalLoss, smoothed: evalLoss };
  });
  const steps = [...new Set(drawn.flatMap((run) => run.steps))].sort((a, b) => a - b);
  const places = new Map(steps.map((step, index) => [step, index]));
  const spread = (run: { steps: number[] }, values: (number | null)[]): Series => {
    const series: Series = new Array(steps.length).fill(null);
    run.steps.forEach((step, index) => {
      series[places.get(step)!] = values[index];
    });
    return series;
  };
  return {
    steps,
    series: drawn.map((run) => ({ each: spread(run, run.each), smoothed: spread(run, run.smoothed) })),
  };
}

/** Steps for a table of all runs: about `most` of them evenly over the longest, and those of evaluations. */
export function tableSteps(models: readonly CurveModel[], most: number): number[] {
  const last = Math.max(0, ...models.map((model) => model.lastStep));
  const even = Array.from({ length: most }, (_, index) => Math.round((last * (index + 1)) / most));
  const evals = models.flatMap(({ evalLoss }) =>
    Array.from({ length: evalLoss.length }, (_, index) => evalLoss.stepAt(index)),
  );
  const every = Math.max(1, Math.ceil(evals.length / (most * 2)));
  const steps = [...even.filter((step) => step > 0), ...evals.filter((_, index) => index % every === 0)];
  return [...new Set(steps)].sort((a, b) => a - b);
}
