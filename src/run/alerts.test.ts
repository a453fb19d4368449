import { existsSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { EngineEvent, TelemetryEvent } from "../protocol/engine";
import { type Alert, AlertRules, isDiskNearlyFull } from "./alerts";
import { RunHistory } from "./runHistory";
import { temporaryFolder, temporaryRun } from "./testing/testRun";
import { tellOnce } from "./told";

const head = { time: 1, attempt: 1 };
/** °C. */
const LIMIT = 87;
const start = (totalSteps: number): EngineEvent => ({
  ...head,
  type: "start",
  engine: "x",
  pid: 1,
  device: "cpu",
  threads: 1,
  resumedFrom: 0,
  totalSteps,
});
const step = (number: number, loss: number): EngineEvent => ({
  ...head,
  type: "step",
  step: number,
  loss,
  learningRate: 1e-3,
  gradientNorm: 1,
  tokens: 1,
  targets: 1,
  seconds: 1,
});

/** What is found in a run with these losses, looked at after each event. */
function alertsOf(events: readonly EngineEvent[], temperatureLimit = LIMIT): Alert[] {
  const history = new RunHistory();
  const rules = new AlertRules();
  return events.flatMap((event) => {
    history.add(event);
    return rules.look(history, temperatureLimit);
  });
}

const training = (losses: readonly number[]) =>
  alertsOf([start(losses.length), ...losses.map((loss, index) => step(index + 1, loss))]);
const evaluations = (losses: readonly number[]) =>
  alertsOf(losses.map((loss, index) => ({ ...head, type: "eval", step: index * 10, loss, targets: 9 })));

describe("the held-out loss", () => {
  it("is worth a word after three rises in a row", () => {
    expect(evaluations([3, 2, 2.1, 2.2])).toEqual([]);
    expect(evaluations([3, 2, 2.1, 2.2, 2.3])).toEqual([
      { kind: "loss-rising", of: "held-out", step: 40, from: 2, to: 2.3 },
    ]);
    expect(evaluations([2, 2.1, 2.2, 2.2, 2.3])).toEqual([]);
  });
});

describe("the training loss", () => {
  const falling = Array.from({ length: 200 }, (_, index) => 1 + 3 * Math.exp(-index / 40));
  const noise = (index: number) => (index % 7) * 0.1;

  it("may fall, stay and be noisy", () => {
    expect(training(falling.map((loss, index) => loss + noise(index)))).toEqual([]);
    expect(training(Array.from({ length: 400 }, (_, index) => 2 + noise(index)))).toEqual([]);
  });

  it("may have spikes", () => {
    expect(training([...falling, 9, 9, ...Array.from({ length: 100 }, () => 1)])).toEqual([]);
  });

  it("is worth a word when it stays 30 % above its lowest", () => {
    const found = training([...falling, ...Array.from({ length: 150 }, () => 3)]);
    expect(found[0]).toMatchObject({ kind: "loss-rising", of: "training" });
    expect(found[0]).toMatchObject({ to: expect.closeTo(3, 0) });
  });

  it("is judged anew where a later attempt voids steps", () => {
    const history = new RunHistory();
    const rules = new AlertRules();
    const bad = [...falling, ...Array.from({ length: 150 }, () => 3)];
    for (const event of [start(500), ...bad.map((loss, index) => step(index + 1, loss))]) history.add(event);
    expect(rules.look(history, LIMIT)).toHaveLength(1);
    history.add({ ...start(500), attempt: 2, resumedFrom: 100 } as EngineEvent);
    expect(rules.look(history, LIMIT)).toEqual([]);
  });
});

it("minds heat only where it lasts", () => {
  const reading = (seconds: number, temperature: number | null): TelemetryEvent => ({
    ...head,
    time: seconds * 1000,
    type: "telemetry",
    step: seconds,
    tokensPerSecond: 1,
    memoryUsed: 1,
    memoryTotal: 2,
    utilisation: null,
    temperature,
    watts: null,
  });
  const hot = Array.from({ length: 61 }, (_, second) => reading(second, 90));
  expect(alertsOf(hot)).toEqual([{ kind: "temperature", celsius: 90 }]);
  expect(alertsOf(hot, 90)).toHaveLength(1);
  expect(alertsOf(hot, 91)).toEqual([]);
  expect(alertsOf(hot.map((event, index) => (index === 30 ? reading(30, 70) : event)))).toEqual([]);
  expect(alertsOf(hot.map((event) => ({ ...event, temperature: null })))).toEqual([]);
  const pause = (seconds: number, type: "paused" | "resumed"): EngineEvent => ({
    ...head,
    time: seconds * 1000,
    type,
    step: 1,
  });
  expect(alertsOf([reading(1, 90), pause(2, "paused"), pause(600, "resumed"), reading(601, 90)])).toEqual([]);
  expect(alertsOf([reading(1, 90), { ...reading(601, 90), attempt: 2 }])).toEqual([]);
});

it("wants room for a few checkpoints", () => {
  expect(isDiskNearlyFull(3e9, null)).toBe(false);
  expect(isDiskNearlyFull(1.9e9, null)).toBe(true);
  expect(isDiskNearlyFull(3e9, 4e9)).toBe(true);
  expect(isDiskNearlyFull(9.1e9, 4e9)).toBe(false);
});

describe("what was told", () => {
  it("is told once, whoever asks", async () => {
    const { directory } = await temporaryRun();
    const asked = await Promise.all(Array.from({ length: 8 }, () => tellOnce(directory, "finished-1")));
    expect(asked.filter(Boolean)).toHaveLength(1);
    expect(await tellOnce(directory, "finished-1")).toBe(false);
    expect(await tellOnce(directory, "finished-2")).toBe(true);
  });

  it("is told rather twice than never, and writes through no link", async () => {
    const elsewhere = temporaryFolder();
    const { directory } = await temporaryRun();
    symlinkSync(elsewhere, join(directory, "told"));
    expect(await tellOnce(directory, "failed-1")).toBe(true);
    expect(readdirSync(elsewhere)).toEqual([]);
    expect(await tellOnce(join(directory, "absent"), "failed-1")).toBe(true);
    expect(existsSync(join(directory, "absent"))).toBe(false);
  });
});
