import { describe, expect, it } from "vitest";
import type { Point } from "../../src/protocol/webview";
import { CurveModel } from "./curveModel";
import { downsample, lowerBound } from "./downsample";
import { Smoother, smoothingWindow } from "./smoothing";

const line = (length: number, value = (step: number) => step): Point[] =>
  Array.from({ length }, (_, index) => ({ step: index + 1, value: value(index + 1) }));

describe("downsampling", () => {
  it("leaves few points as they are", () => {
    expect(downsample(line(5), 10)).toEqual([0, 1, 2, 3, 4]);
    expect(downsample([], 10)).toEqual([]);
  });

  it("keeps the ends, every peak and the order, within the limit", () => {
    const points = line(100_000, (step) => (step === 54_321 ? 99 : step === 7 ? -99 : Math.sin(step)));
    const chosen = downsample(points, 1000);
    expect(chosen.length).toBeLessThanOrEqual(1000);
    expect(chosen[0]).toBe(0);
    expect(chosen.at(-1)).toBe(99_999);
    expect(chosen).toContain(54_320);
    expect(chosen).toContain(6);
    expect(chosen.every((index, at) => at === 0 || index > chosen[at - 1]!)).toBe(true);
  });

  it("looks at a stretch alone", () => {
    const chosen = downsample(line(1000), 10, 100, 200);
    expect(chosen[0]).toBe(100);
    expect(chosen.at(-1)).toBe(199);
    expect(chosen.length).toBeLessThanOrEqual(10);
  });
});

it("finds the first point at or after a step", () => {
  const points = [3, 5, 9].map((step) => ({ step, value: 0 }));
  expect([0, 3, 4, 9, 10].map((step) => lowerBound(points, step))).toEqual([0, 0, 1, 2, 3]);
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

  it("takes longer runs over more steps", () => {
    expect(smoothingWindow(10)).toBe(5);
    expect(smoothingWindow(4000)).toBe(100);
  });
});

describe("the curve", () => {
  const curve = {
    loss: line(10),
    evalLoss: [
      { step: 0, value: 3 },
      { step: 5, value: 2 },
    ],
    checkpoints: [5],
  };

  it("loses and doubles no point where a snapshot and later messages overlap", () => {
    const model = new CurveModel(curve, 20);
    model.append({
      loss: line(12).slice(8),
      evalLoss: [
        { step: 5, value: 2 },
        { step: 12, value: 1 },
      ],
      checkpoints: [5, 10],
    });
    expect(model.loss.map((point) => point.step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(model.evalLoss.map((point) => point.step)).toEqual([0, 5, 12]);
    expect(model.checkpoints).toEqual([5, 10]);
  });

  it("smooths the same whether points come at once or one by one", () => {
    const whole = new CurveModel({ loss: line(200, Math.sin), evalLoss: [], checkpoints: [] }, 200);
    const growing = new CurveModel({ loss: [], evalLoss: [], checkpoints: [] }, 200);
    for (const point of line(200, Math.sin)) growing.append({ loss: [point], evalLoss: [], checkpoints: [] });
    expect(growing.draw(1000)).toEqual(whole.draw(1000));
  });

  it("draws evals at their steps, also between and before those of the loss", () => {
    const drawn = new CurveModel(curve, 20).draw(100);
    expect(drawn.steps).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(drawn.evalLoss[0]).toBe(3);
    expect(drawn.evalLoss[5]).toBe(2);
    expect(drawn.loss[0]).toBeNull();
    expect(drawn.loss[5]).toBe(5);
  });

  it("draws every eval of a long run that is thinned out", () => {
    const evalLoss = line(1000, () => 1).map(({ step }) => ({ step: step * 100, value: 1 }));
    const model = new CurveModel({ loss: line(100_000, Math.sin), evalLoss, checkpoints: [] }, 100_000);
    const drawn = model.draw(800);
    expect(drawn.evalLoss.filter((value) => value !== null)).toHaveLength(1000);
    expect(drawn.loss.filter((value) => value !== null).length).toBeLessThanOrEqual(800);
    expect(drawn.steps.every((step, at) => at === 0 || step > drawn.steps[at - 1]!)).toBe(true);
  });

  it("draws what is zoomed to", () => {
    expect(new CurveModel(curve, 20).draw(100, { from: 3, to: 6 }).steps).toEqual([3, 4, 5, 6]);
  });

  it("lists few rows for the table, with every eval and the last step", () => {
    const model = new CurveModel({ ...curve, loss: line(1000) }, 1000);
    const rows = model.rows(20);
    expect(rows.length).toBeLessThanOrEqual(24);
    expect(rows.map((row) => row.step)).toEqual(expect.arrayContaining([0, 5, 1000]));
    expect(rows.find((row) => row.step === 5)).toMatchObject({ loss: 5, evalLoss: 2 });
  });
});
