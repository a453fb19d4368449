import { describe, expect, it } from "vitest";
import type { EngineEvent } from "../protocol/engine";
import type { EngineState } from "./engineLock";
import { RunHistory } from "./runHistory";
import { canResume, headOf, judge } from "./runState";
import type { StartState } from "./startMark";

let clock = 0;
const at = (attempt: number) => {
  clock += 1000;
  return { time: clock, attempt };
};
const start = (attempt: number, resumedFrom = 0): EngineEvent => ({
  ...at(attempt),
  type: "start",
  engine: "0.1.0",
  pid: 7,
  device: "cpu",
  threads: 2,
  resumedFrom,
  totalSteps: 10,
});
const step = (attempt: number, number: number, loss = 3): EngineEvent => ({
  ...at(attempt),
  type: "step",
  step: number,
  loss,
  learningRate: 1e-3,
  gradientNorm: 1,
  tokens: 100,
  targets: 50,
  seconds: 0.5,
});
const planned = (attempt: number, forecastBytes: number): EngineEvent => ({
  ...at(attempt),
  type: "plan",
  recompute: "none",
  microBatch: 8,
  forecastBytes,
  weightBytes: 1,
  adapterBytes: 1,
  activationBytes: 1,
  parameters: 1,
  trainableParameters: 1,
});
const reading = (attempt: number, temperature: number | null): EngineEvent => ({
  ...at(attempt),
  type: "telemetry",
  step: 1,
  tokensPerSecond: 20_000,
  memoryUsed: 12,
  memoryTotal: 80,
  utilisation: 98,
  temperature,
  watts: 650,
});
const evaluated = (attempt: number, number: number, loss: number): EngineEvent => ({
  ...at(attempt),
  type: "eval",
  step: number,
  loss,
  targets: 9,
});
const checkpoint = (attempt: number, number: number): EngineEvent => ({
  ...at(attempt),
  type: "checkpoint",
  step: number,
  path: `checkpoints/step-${number}`,
});
const paused = (attempt: number, type: "paused" | "resumed"): EngineEvent => ({ ...at(attempt), type, step: 1 });
const failed = (attempt: number): EngineEvent => ({
  ...at(attempt),
  type: "error",
  code: "disk-full",
  message: "Full.",
});
const done = (attempt: number, reason: "finished" | "stopped"): EngineEvent => ({
  ...at(attempt),
  type: "done",
  reason,
  step: 10,
  totalSteps: 10,
  evalLossBefore: 2,
  evalLossAfter: 1.5,
  tokens: 1000,
  seconds: 4,
});

const gone: EngineState = { alive: false, lock: undefined };
const alive = (attempt: number): EngineState => ({
  alive: true,
  lock: { pid: 7, startTicks: 1, host: "here", attempt, heartbeat: 0 },
});
const none: StartState = { kind: "none" };
const underWay: StartState = { kind: "under-way", here: true };
const interrupted: StartState = { kind: "interrupted" };
const startFailed: StartState = { kind: "failed", cause: "No model." };

function history(...events: EngineEvent[]): RunHistory {
  const result = new RunHistory();
  for (const event of events) result.add(event);
  return result;
}

describe("judge", () => {
  const cases: [string, EngineEvent[], EngineState, StartState, string, string | null][] = [
    ["created, nobody starts it", [], gone, none, "queued", null],
    ["data is being prepared", [], gone, underWay, "preparing", null],
    ["its window has gone while it was prepared", [], gone, interrupted, "queued", null],
    ["the start failed", [], gone, startFailed, "failed", "No model."],
    ["locked, not a word yet", [], alive(1), underWay, "preparing", null],
    ["started", [start(1)], alive(1), none, "running", null],
    ["at work", [start(1), step(1, 1)], alive(1), none, "running", null],
    ["paused", [start(1), paused(1, "paused")], alive(1), none, "paused", null],
    ["going on", [start(1), paused(1, "paused"), paused(1, "resumed")], alive(1), none, "running", null],
    ["killed while paused", [start(1), paused(1, "paused")], gone, none, "failed", "no checkpoint"],
    ["stopped", [start(1), done(1, "stopped")], gone, none, "stopped", null],
    ["finished, the process is just leaving", [start(1), done(1, "finished")], alive(1), none, "finished", null],
    ["failed", [start(1), failed(1)], gone, none, "failed", "Full."],
    ["vanished", [start(1), step(1, 1)], gone, none, "failed", "ended unexpectedly at step 1; no checkpoint"],
    ["vanished with a checkpoint", [start(1), step(1, 1), checkpoint(1, 1)], gone, none, "failed", "step 1 is kept"],
    ["resuming after a stop", [start(1), done(1, "stopped")], alive(2), none, "preparing", null],
    ["being started again", [start(1), failed(1)], gone, underWay, "preparing", null],
    ["the second start failed", [start(1), done(1, "stopped")], gone, startFailed, "failed", "No model."],
    ["resumed", [start(1), failed(1), start(2)], alive(2), none, "running", null],
    ["resumed and vanished", [start(1), done(1, "stopped"), start(2)], gone, none, "failed", "ended unexpectedly"],
  ];
  it.each(cases)("%s", (_name, events, engine, mark, state, cause) => {
    const verdict = judge(history(...events), engine, mark);
    expect(verdict.state).toBe(state);
    if (cause === null) expect(verdict.cause).toBeNull();
    else expect(verdict.cause).toContain(cause);
  });
});

describe("RunHistory", () => {
  it("voids what a later attempt does again", () => {
    const past = history(
      start(1),
      evaluated(1, 0, 4),
      ...[1, 2, 3, 4, 5].map((number) => step(1, number, 3)),
      checkpoint(1, 2),
      evaluated(1, 2, 3.5),
      checkpoint(1, 4),
      evaluated(1, 4, 3.4),
    );
    past.add(start(2, 2));
    expect(past.curve.loss.map((point) => point.step)).toEqual([1, 2]);
    expect(past.curve.evalLoss.map((point) => point.step)).toEqual([0, 2]);
    expect(past.curve.checkpoints).toEqual([2]);
    expect(past.revision).toBe(1);
    past.add(step(2, 3, 1));
    past.add(step(1, 6, 9));
    expect(past.curve.loss.at(-1)).toEqual({ step: 3, value: 1 });
    expect(past.evalLossBefore).toBe(4);
    expect(past.step).toBe(3);
  });

  it("starts over where the attempt begins at step 0", () => {
    const past = history(start(1), evaluated(1, 0, 4), step(1, 1), start(2), evaluated(2, 0, 4.5));
    expect(past.curve).toEqual({ loss: [], evalLoss: [{ step: 0, value: 4.5 }], checkpoints: [] });
    expect(past.evalLossBefore).toBe(4.5);
  });

  it("leaves pauses out of the time left and evaluations out of the speed", () => {
    const past = history(start(1), step(1, 1));
    clock += 9000;
    past.add(step(1, 2));
    expect(past.tokensPerSecond).toBeCloseTo(200);
    const slow = past.secondsLeft!;
    expect(slow).toBeGreaterThan(8 * 5);

    const rested = history(start(1), step(1, 1), paused(1, "paused"));
    clock += 3_600_000;
    rested.add(paused(1, "resumed"));
    rested.add(step(1, 2));
    expect(rested.secondsLeft).toBeCloseTo(8 * 0.5);
  });

  it("counts the work of the steps that count, over all attempts", () => {
    const past = new RunHistory();
    expect(past.work).toBeNull();
    past.add(start(1));
    for (const number of [1, 2, 3, 4]) past.add(step(1, number));
    expect(past.work).toEqual({ tokens: 400, seconds: 2 });
    past.add(start(2, 2));
    expect(past.work).toEqual({ tokens: 200, seconds: 1 });
    past.add(step(2, 3));
    expect(past.work).toEqual({ tokens: 300, seconds: 1.5 });
    past.add(start(3));
    expect(past.work).toBeNull();
  });

  it("keeps a bounded number of warnings", () => {
    const past = history(start(1));
    for (let i = 0; i < 1000; i++) past.add({ ...at(1), type: "warning", code: "odd", message: String(i) });
    expect(past.warnings).toHaveLength(100);
  });
});

describe("headOf", () => {
  it("shows the finished run's mean speed and last held-out loss", () => {
    const past = history(start(1), evaluated(1, 0, 2), step(1, 10, 1.2), done(1, "finished"));
    expect(headOf({ id: "a", name: "A" }, past, { state: "finished", cause: null })).toEqual({
      id: "a",
      name: "A",
      state: "finished",
      cause: null,
      step: 10,
      totalSteps: 10,
      loss: 1.2,
      evalLoss: 1.5,
      evalLossBefore: 2,
      tokensPerSecond: 250,
      secondsLeft: null,
      checkpointStep: null,
      device: "cpu",
      deviceName: null,
      memory: null,
      telemetry: null,
      silentSeconds: null,
      preparation: null,
      inUse: false,
    });
  });
});

it("shows the GPU at work, and nothing of it once the run has ended", () => {
  const past = history(start(1), planned(1, 10), planned(1, 8), step(1, 1), reading(1, 70), reading(1, 71));
  past.add({ ...at(1), type: "memory", usedBytes: 9, forecastBytes: 8 });
  const running = headOf({ id: "a", name: "A" }, past, { state: "running", cause: null });
  expect(running.memory).toEqual({ forecast: 8, used: 9 });
  expect(running.telemetry).toEqual({ memoryUsed: 12, memoryTotal: 80, utilisation: 98, temperature: 71, watts: 650 });
  const ended = headOf({ id: "a", name: "A" }, past, { state: "stopped", cause: null });
  expect(ended.telemetry).toBeNull();
  expect(ended.memory).toEqual({ forecast: 8, used: 9 });
  // A reading of the attempt before says nothing of this one.
  past.add(start(2));
  expect(headOf({ id: "a", name: "A" }, past, { state: "running", cause: null }).telemetry).toBeNull();
});

it("promises nothing of an engine that is silent, and says for how long", () => {
  const past = history(start(1), step(1, 1), step(1, 2), reading(1, 70));
  const head = (silenceMs: number) =>
    headOf({ id: "a", name: "A" }, past, { state: "running", cause: null }, silenceMs);
  expect(head(19_999)).toMatchObject({ silentSeconds: null, secondsLeft: expect.any(Number) });
  expect(head(20_000)).toMatchObject({ silentSeconds: 20, secondsLeft: null, telemetry: null });
  expect(head(39_999).silentSeconds).toBe(30);
});

it("allows a start only where no engine is at work and steps are left", () => {
  const states = ["queued", "preparing", "running", "paused", "stopped", "failed", "finished"] as const;
  expect(states.filter(canResume)).toEqual(["queued", "stopped", "failed"]);
});
