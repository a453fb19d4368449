import { describe, expect, it } from "vitest";
import type { CurveMark, SeriesName } from "../../src/protocol/curveView";
import type { Point } from "../../src/protocol/webview";
import { CurveModel } from "./curveModel";
import { marksToDraw } from "./marks";
import { SeriesData } from "./seriesData";
import { short } from "./seriesText";
import { Smoother, smoothingWindow } from "./smoothing";
import { pieceOf } from "./testing";
import { panTo, stepNear, zoomAround, zoomTo } from "./zoom";

const line = (length: number, value = (step: number) => step): Point[] =>
  Array.from({ length }, (_, index) => ({ step: index + 1, value: value(index + 1) }));

function seriesOf(points: readonly Point[]): SeriesData {
  const series = new SeriesData();
  for (const { step, value } of points) series.add(step, value);
  return series;
}

function modelOf(points: Partial<Record<SeriesName, Point[]>>, totalSteps = 20, marks: CurveMark[] = []): CurveModel {
  const model = new CurveModel(totalSteps);
  model.append(pieceOf(points, marks));
  return model;
}

const stepsOf = (series: SeriesData) => Array.from({ length: series.length }, (_, index) => series.stepAt(index));

describe("downsampling", () => {
  it("leaves few points as they are", () => {
    expect(seriesOf(line(5)).downsample(10)).toEqual([0, 1, 2, 3, 4]);
    expect(seriesOf([]).downsample(10)).toEqual([]);
  });

  it("keeps the ends, every peak and the order, within the limit", () => {
    const points = line(100_000, (step) => (step === 54_321 ? 99 : step === 7 ? -99 : Math.sin(step)));
    const chosen = seriesOf(points).downsample(1000);
    expect(chosen.length).toBeLessThanOrEqual(1000);
    expect(chosen[0]).toBe(0);
    expect(chosen.at(-1)).toBe(99_999);
    expect(chosen).toContain(54_320);
    expect(chosen).toContain(6);
    expect(chosen.every((index, at) => at === 0 || index > chosen[at - 1]!)).toBe(true);
  });

  it("looks at a stretch alone", () => {
    const chosen = seriesOf(line(1000)).downsample(10, 100, 200);
    expect(chosen[0]).toBe(100);
    expect(chosen.at(-1)).toBe(199);
    expect(chosen.length).toBeLessThanOrEqual(10);
  });
});

describe("a series", () => {
  it("finds the first point at or after a step, and the last at or before it", () => {
    const series = seriesOf([3, 5, 9].map((step) => ({ step, value: step * 2 })));
    expect([0, 3, 4, 9, 10].map((step) => series.lowerBound(step))).toEqual([0, 0, 1, 2, 3]);
    expect([2, 3, 4, 99].map((step) => series.placeAt(step))).toEqual([-1, 0, 0, 2]);
    expect([4, 5].map((step) => series.exactly(step))).toEqual([null, 10]);
  });

  it("grows past its room without losing anything", () => {
    expect(stepsOf(seriesOf(line(5000)))).toEqual(line(5000).map(({ step }) => step));
  });
});

describe("smoothing", () => {
  it("gives a constant back from the first value on", () => {
    const smoother = new Smoother(20);
    for (let step = 0; step < 50; step++) smoother.add(2.5);
    for (const value of smoother.values) expect(value).toBeCloseTo(2.5, 12);
  });

  it("quiets noise and follows the trend", () => {
    const smoother = new Smoother(20);
    for (let step = 0; step < 400; step++) smoother.add(1 + (step % 2 === 0 ? 0.5 : -0.5));
    const tail = smoother.values.slice(-100);
    expect(Math.max(...tail) - Math.min(...tail)).toBeLessThan(0.11);
    for (let step = 0; step < 200; step++) smoother.add(5);
    expect(smoother.values.at(-1)).toBeCloseTo(5, 3);
  });

  it("takes longer runs over more steps, and as much as is asked for", () => {
    expect(smoothingWindow(10)).toBe(5);
    expect(smoothingWindow(4000)).toBe(100);
    expect(smoothingWindow(4000, 4)).toBe(400);
    expect(smoothingWindow(4000, 0)).toBe(1);
  });

  it("is none where none is asked for", () => {
    const model = modelOf({ loss: line(50, Math.sin) });
    model.setSmoothing(50, 0);
    expect(model.draw(100).smoothed).toEqual(model.draw(100).loss);
  });
});

describe("the curve", () => {
  const evalLoss = [
    { step: 0, value: 3 },
    { step: 5, value: 2 },
  ];
  const curve = { loss: line(10), evalLoss };

  it("doubles no point where pieces overlap", () => {
    const model = modelOf(curve);
    model.append(pieceOf({ loss: line(12).slice(8), evalLoss: [...evalLoss, { step: 12, value: 1 }] }));
    expect(stepsOf(model.loss)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(stepsOf(model.evalLoss)).toEqual([0, 5, 12]);
  });

  it("smooths the same whether points come at once or one by one", () => {
    const whole = modelOf({ loss: line(200, Math.sin) }, 200);
    const growing = new CurveModel(200);
    for (const point of line(200, Math.sin)) growing.append(pieceOf({ loss: [point] }));
    expect(growing.draw(1000)).toEqual(whole.draw(1000));
  });

  it("draws evals at their steps, also between and before those of the loss", () => {
    const drawn = modelOf(curve).draw(100);
    expect(drawn.steps).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(drawn.evalLoss[0]).toBe(3);
    expect(drawn.evalLoss[5]).toBe(2);
    expect(drawn.loss[0]).toBeNull();
    expect(drawn.loss[5]).toBe(5);
  });

  it("draws every eval of a long run that is thinned out", () => {
    const evals = line(1000, () => 1).map(({ step }) => ({ step: step * 100, value: 1 }));
    const drawn = modelOf({ loss: line(100_000, Math.sin), evalLoss: evals }, 100_000).draw(800);
    expect(drawn.evalLoss.filter((value) => value !== null)).toHaveLength(1000);
    expect(drawn.loss.filter((value) => value !== null).length).toBeLessThanOrEqual(800);
    expect(drawn.steps.every((step, at) => at === 0 || step > drawn.steps[at - 1]!)).toBe(true);
  });

  it("draws what is zoomed to", () => {
    const range = { from: 3, to: 6 };
    expect(modelOf(curve).draw(100, range).steps).toEqual([3, 4, 5, 6]);
    expect(modelOf({ gradientNorm: line(9) }).drawSeries("gradientNorm", 100, range).values).toEqual([3, 4, 5, 6]);
  });

  it("draws a reading up to the next one, or the curve's end", () => {
    const model = modelOf({ loss: line(10), gradientNorm: line(8), memory: [{ step: 1, value: 7 }] });
    expect(model.drawSeries("memory", 100)).toEqual({ steps: [1, 10], values: [7, 7] });
    expect(model.drawSeries("memory", 100, { from: 4, to: 6 })).toEqual({ steps: [4, 6], values: [7, 7] });
    expect(model.drawSeries("gradientNorm", 100).steps.at(-1)).toBe(8);
  });

  it("knows the last value of a series at a step, and none beyond the curve", () => {
    const model = modelOf({ loss: line(10), memory: [{ step: 4, value: 7 }] });
    expect([3, 4, 9, 11].map((step) => model.valueAt("memory", step))).toEqual([null, 7, 7, null]);
  });

  it("lists few steps for the table, with every eval and the last step, and those in sight", () => {
    const model = modelOf({ loss: line(1000), evalLoss }, 1000);
    const steps = model.tableSteps(20);
    expect(steps.length).toBeLessThanOrEqual(24);
    expect(steps).toEqual(expect.arrayContaining([0, 5, 1000]));
    expect(model.tableSteps(20, { from: 10, to: 12 })).toEqual([10, 11, 12]);
  });

  it("takes the last that was called the best", () => {
    const best = (step: number): CurveMark => ({ kind: "best", step });
    expect(modelOf(curve).bestStep).toBeNull();
    expect(modelOf(curve, 20, [best(2), best(5)]).bestStep).toBe(5);
  });
});

it("draws of marks that lie on one another only one of a kind, and none that is out of sight", () => {
  const marks: CurveMark[] = [
    { kind: "checkpoint", step: 1000 },
    { kind: "checkpoint", step: 1100 },
    { kind: "warning", step: 1000 },
    { kind: "best", step: 1000 },
    { kind: "checkpoint", step: 3000 },
    { kind: "checkpoint", step: 99_000 },
  ];
  const drawn = marksToDraw(marks, (step) => step / 100, [0, 500], 9);
  expect(drawn.map(({ kind, pixel }) => `${kind} ${pixel}`)).toEqual(["checkpoint 10", "warning 10", "checkpoint 30"]);
});

describe("zoom", () => {
  it("shows all where that is what is asked for, and no less than a stretch", () => {
    expect(zoomTo(-5, 999, 100)).toBeNull();
    expect(zoomTo(10.6, 20.2, 100)).toEqual({ from: 10, to: 21 });
    expect(zoomTo(10, 10.5, 100)).toBeUndefined();
  });

  it("keeps the step where it is", () => {
    expect(zoomAround(50, 0.5, [0, 100], 100)).toEqual({ from: 25, to: 75 });
    expect(zoomAround(0, 0.5, [0, 100], 100)).toEqual({ from: 0, to: 50 });
    expect(zoomAround(30, 2, [20, 60], 100)).toEqual({ from: 10, to: 90 });
  });

  it("moves just far enough", () => {
    expect(panTo(5, { from: 10, to: 20 })).toEqual({ from: 5, to: 15 });
    expect(panTo(25, { from: 10, to: 20 })).toEqual({ from: 15, to: 25 });
    expect(panTo(15, { from: 10, to: 20 })).toEqual({ from: 10, to: 20 });
  });

  it("finds the step at a place, in sight and known", () => {
    expect([499.6, -3, 612.2].map((place) => stepNear(place, [0, 1000], 600))).toEqual([500, 0, 600]);
    expect([3, 80].map((place) => stepNear(place, [10, 50], 600))).toEqual([10, 50]);
  });
});

it("writes figures with three digits, however small", () => {
  expect([0, 0.0002, 1.5e-7, 1e-8, 1.23456, 2e7].map(short)).toEqual(["0", "0.0002", "1.5e-7", "1e-8", "1.23", "2e7"]);
});
