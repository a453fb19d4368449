import { describe, expect, it } from "vitest";
import type { Point } from "../../src/protocol/webview";
import { CurveModel } from "../curve/curveModel";
import { pieceOf } from "../curve/testing";
import { overlay, tableSteps } from "./overlay";

const line = (length: number, value = (step: number) => step): Point[] =>
  Array.from({ length }, (_, index) => ({ step: index + 1, value: value(index + 1) }));
function model(loss: Point[], evalLoss: Point[] = []): CurveModel {
  const made = new CurveModel(loss.length);
  made.append(pieceOf({ loss, evalLoss }));
  return made;
}

describe("curves over one another", () => {
  it("lie at the same steps, with gaps where a run has no point", () => {
    const short = model(line(3), [{ step: 2, value: 9 }]);
    const long = model(
      line(5, (step) => step * 10),
      [{ step: 4, value: 8 }],
    );
    const training = overlay([short, long], "loss", 100);
    expect(training.steps).toEqual([1, 2, 3, 4, 5]);
    expect(training.series.map(({ each }) => each)).toEqual([
      [1, 2, 3, null, null],
      [10, 20, 30, 40, 50],
    ]);
    const heldOut = overlay([short, long], "evalLoss", 100);
    expect(heldOut.series.map(({ each }) => each)).toEqual([
      [null, 9, null, null, null],
      [null, null, null, 8, null],
    ]);
  });

  it("are thinned out, however long, and keep their peaks", () => {
    const long = model(line(100_000, (step) => (step === 54_321 ? 99 : Math.sin(step))));
    const { steps, series } = overlay([long, model(line(10))], "loss", 1000);
    expect(steps.length).toBeLessThanOrEqual(1010);
    expect(series[0]!.each).toContain(99);
    expect(steps.every((step, at) => at === 0 || step > steps[at - 1]!)).toBe(true);
  });

  it("are drawn between the steps that are zoomed to", () => {
    expect(overlay([model(line(100)), model(line(6))], "loss", 100, { from: 5, to: 7 }).steps).toEqual([5, 6, 7]);
  });

  it("are empty without runs", () => {
    expect(overlay([], "loss", 100)).toEqual({ steps: [], series: [] });
  });
});

describe("the value at a step", () => {
  const run = model(
    [
      { step: 2, value: 5 },
      { step: 4, value: 3 },
    ],
    [{ step: 0, value: 7 }],
  );

  it("is the last one before it, and none where the run is not", () => {
    expect([1, 2, 3, 4, 5].map((step) => run.at(step).loss)).toEqual([null, 5, 5, 3, null]);
    expect(run.at(3).evalLoss).toBe(7);
    expect(run.at(5)).toEqual({ loss: null, smoothed: null, evalLoss: null });
  });
});

it("lists few steps for the table, however many evals", () => {
  const steps = tableSteps(
    [
      model(
        line(1000),
        line(900, () => 1),
      ),
      model(line(20)),
    ],
    20,
  );
  expect(steps.at(-1)).toBe(1000);
  expect(steps.length).toBeLessThanOrEqual(70);
  expect(tableSteps([], 20)).toEqual([]);
});
