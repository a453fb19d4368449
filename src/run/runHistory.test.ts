import { describe, expect, it } from "vitest";
import type { EngineEvent } from "../protocol/engine";
import { RunHistory } from "./runHistory";

type EventOf<T extends EngineEvent["type"]> = Extract<
  EngineEvent,
  { type: T | (T extends "paused" | "resumed" ? "paused" | "resumed" : T) }
>;
type Fields<T extends EngineEvent["type"]> = Omit<EventOf<T>, "type" | "time" | "attempt">;

function event<T extends EngineEvent["type"]>(attempt: number, type: T, fields: Fields<T>): EngineEvent {
  return { time: 1, attempt, type, ...fields } as unknown as EngineEvent;
}

const start = (attempt: number, resumedFrom = 0) =>
  event(attempt, "start", { engine: "fake", pid: 7, device: "cuda:0", threads: 2, resumedFrom, totalSteps: 100 });
const step = (attempt: number, number: number) =>
  event(attempt, "step", {
    step: number,
    loss: 3 / number,
    learningRate: 1e-3 * number,
    gradientNorm: 2,
    tokens: 100,
    targets: 50,
    seconds: 0.5,
  });
const reading = (attempt: number, number: number, temperature: number | null = 60) =>
  event(attempt, "telemetry", {
    step: number,
    tokensPerSecond: 1,
    memoryUsed: number * 10,
    memoryTotal: 100,
    utilisation: 98,
    temperature,
    watts: null,
  });
const evaluated = (attempt: number, number: number, best?: boolean) =>
  event(attempt, "eval", { step: number, loss: 1, targets: 9, ...(best === undefined ? {} : { best }) });
const checkpoint = (attempt: number, number: number, best?: boolean) =>
  event(attempt, "checkpoint", { step: number, path: "checkpoints/x", ...(best === undefined ? {} : { best }) });
const sample = (attempt: number, number: number, base = false, ids = [1]) =>
  event(attempt, "sample", { step: number, prompt: "a", base, ids, ended: true });
const rate = (attempt: number, number: number, learningRate = 1e-4) =>
  event(attempt, "learning-rate", { step: number, learningRate });

function history(...events: EngineEvent[]): RunHistory {
  const made = new RunHistory();
  for (const each of events) made.add(each);
  return made;
}

const marksOf = ({ marks }: RunHistory) => marks.map(({ kind, step }) => `${kind} ${step}`);

describe("the series of a run", () => {
  it("are what each step and each reading told", () => {
    const { series } = history(start(1), step(1, 1), step(1, 2), reading(1, 2), reading(1, 2), reading(1, 3, null));
    expect(series.learningRate).toMatchObject({ steps: [1, 2], values: [1e-3, 2e-3] });
    expect(series.gradientNorm.values).toEqual([2, 2]);
    expect(series.tokensPerSecond.values).toEqual([200, 200]);
    expect(series.memory).toMatchObject({ steps: [2, 3], values: [20, 30] });
    expect(series.utilisation.steps).toEqual([2, 3]);
    expect(series.temperature.steps).toEqual([2]);
  });

  it("take the memory that the engine measured where no driver tells of it", () => {
    const { series } = history(start(1), step(1, 1), event(1, "memory", { usedBytes: 9, forecastBytes: 8 }));
    expect(series.memory).toMatchObject({ steps: [1], values: [9] });
  });

  it("lose together what a later attempt does again", () => {
    const past = history(start(1), evaluated(1, 0), ...[1, 2, 3, 4].flatMap((n) => [step(1, n), reading(1, n)]));
    past.add(start(2, 2));
    const { evalLoss, ...others } = past.series;
    for (const series of Object.values(others)) expect(series.steps).toEqual([1, 2]);
    expect(evalLoss.steps).toEqual([0]);
    expect(past.revision).toBe(1);
    past.add(step(2, 3));
    expect(past.series.gradientNorm.steps).toEqual([1, 2, 3]);
  });
});

describe("the marks of a run", () => {
  it("tell what happened when, in the events' order", () => {
    const past = history(
      start(1),
      step(1, 1),
      event(1, "warning", { code: "odd", message: "Slow." }),
      event(1, "paused", { step: 1 }),
      event(1, "resumed", { step: 1 }),
      rate(1, 1),
      step(1, 2),
      evaluated(1, 2, true),
      checkpoint(1, 2, true),
    );
    expect(marksOf(past)).toEqual(["warning 1", "paused 1", "resumed 1", "learning-rate 1", "best 2", "checkpoint 2"]);
    expect(past.marks[0]!.text).toBe("Slow.");
    expect(past.marks.at(-1)!.best).toBe(true);
    past.add(start(2, 1));
    expect(marksOf(past)).toEqual(["warning 1", "paused 1", "resumed 1", "learning-rate 1", "attempt 1"]);
  });

  it("are of a bounded number", () => {
    const past = history(start(1));
    for (let number = 0; number < 20_000; number++) past.add(rate(1, number));
    expect(past.marks).toHaveLength(5000);
    expect(past.learningRateChanges).toHaveLength(1000);
    expect(past.learningRateChanges.at(-1)!.step).toBe(19_999);
  });
});

describe("the best of a run", () => {
  it("is the last that was called so, of those that count", () => {
    const past = history(start(1), evaluated(1, 0), evaluated(1, 10, true), checkpoint(1, 10, true), checkpoint(1, 15));
    expect([past.bestStep, past.bestCheckpointStep]).toEqual([10, 10]);
    past.add(evaluated(1, 20, true));
    past.add(checkpoint(1, 20, true));
    past.add(evaluated(1, 30, false));
    expect([past.bestStep, past.bestCheckpointStep]).toEqual([20, 20]);
    past.add(start(2, 15));
    expect([past.bestStep, past.bestCheckpointStep]).toEqual([10, 10]);
    past.add(start(3));
    expect([past.bestStep, past.bestCheckpointStep]).toEqual([null, null]);
  });
});

describe("what a run has answered", () => {
  it("is kept as far as it counts; the base model's answers always", () => {
    const past = history(start(1), sample(1, 0, true), sample(1, 10), sample(1, 20), rate(1, 20));
    past.add(event(1, "row-losses", { step: 20, pass: 1, path: "row-losses/pass-1.losses" }));
    past.add(start(2, 10));
    expect(past.samples.map(({ step }) => step)).toEqual([0, 10]);
    expect(past.rowLosses).toEqual([]);
    expect(past.learningRateChanges).toEqual([]);
  });

  it("takes bounded memory: the newest thousand, and not more tokens than fit", () => {
    const many = history(start(1), sample(1, 0, true));
    for (let number = 1; number <= 1500; number++) many.add(sample(1, number));
    expect(many.samples).toHaveLength(1000);
    expect(many.samples[0]!.base).toBe(true);
    expect(many.samples.at(-1)!.step).toBe(1500);
    const long = history(start(1));
    const ids = new Array<number>(2 ** 18).fill(7);
    for (let number = 1; number <= 9; number++) long.add(sample(1, number, false, ids));
    expect(long.samples.map(({ step }) => step)).toEqual([6, 7, 8, 9]);
  });

  it("counts every event that counts, so that whoever listens hears of it", () => {
    const past = history(start(2), sample(2, 1));
    expect(past.version).toBe(2);
    past.add(sample(1, 2));
    expect(past.version).toBe(2);
  });
});
