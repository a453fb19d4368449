/** What is told of a run without its steps must be what all of its events say. */
import { appendFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EngineEvent } from "../protocol/engine";
import type { Detail } from "./eventFollower";
import { RunEvents } from "./runEvents";
import { headOf, judge } from "./runState";
import { temporaryFolder } from "./testing/testRun";

const TOTAL_STEPS = 3000;
const line = (fields: object, attempt: number) =>
  `${JSON.stringify({ type: "", time: 1_795_000_000_000, attempt, ...fields })}\n`;
const start = (attempt: number, resumedFrom = 0) =>
  line(
    { type: "start", engine: "x", pid: 1, device: "cpu", threads: 1, resumedFrom, totalSteps: TOTAL_STEPS },
    attempt,
  );
const step = (number: number, attempt: number, at = number * 500) =>
  line(
    {
      type: "step",
      time: 1_795_000_000_000 + at,
      step: number,
      loss: 3 - number / TOTAL_STEPS,
      learningRate: 1e-4,
      gradientNorm: 1,
      tokens: 900 + (number % 7),
      targets: 400,
      seconds: 0.5,
    },
    attempt,
  );

/** What comes between the steps of an attempt. */
function others(number: number, attempt: number, every: number): string {
  const reading = {
    tokensPerSecond: 9,
    memoryUsed: number,
    memoryTotal: 1e9,
    utilisation: 9,
    temperature: 9,
    watts: 9,
  };
  let text = "";
  if (number % 10 === 0) text += line({ type: "telemetry", step: number, ...reading }, attempt);
  if (number % every === 0) {
    const best = number % (every * 2) === 0;
    text += line({ type: "eval", step: number, loss: 2 - number / TOTAL_STEPS, targets: 9, best }, attempt);
    text += line({ type: "checkpoint", step: number, path: `checkpoints/step-${number}`, best }, attempt);
    text += line({ type: "row-losses", step: number, pass: 1, path: "row-losses/1" }, attempt);
    text += line({ type: "warning", code: "odd", message: `at ${number}` }, attempt);
  }
  return text;
}

interface Attempt {
  steps: number;
  every: number;
  how: "killed" | "done" | "error" | "no start";
}

/** Each attempt goes on from the last checkpoint of the one before. */
function eventsOf(attempts: readonly Attempt[]): string {
  let text = "";
  let from = 0;
  for (const [index, { steps, every, how }] of attempts.entries()) {
    const attempt = index + 1;
    if (how === "no start") {
      text += line({ type: "error", code: "odd", message: "It did not begin." }, attempt);
      continue;
    }
    text += start(attempt, from);
    if (from === 0) text += line({ type: "eval", step: 0, loss: 4, targets: 9 }, attempt);
    let checkpoint = from;
    for (let number = from + 1; number <= from + steps; number++) {
      text += step(number, attempt) + others(number, attempt, every);
      if (number % every === 0) checkpoint = number;
    }
    const figures = { evalLossBefore: 4, evalLossAfter: 1.5, tokens: 10, seconds: 2 };
    const end = { reason: "stopped", step: from + steps, totalSteps: TOTAL_STEPS, ...figures };
    if (how === "done") text += line({ type: "done", ...end }, attempt);
    if (how === "error") text += line({ type: "error", code: "odd", message: "Out of memory." }, attempt);
    from = checkpoint;
  }
  return text;
}

async function read(file: string, detail: Detail): Promise<RunEvents> {
  const events = new RunEvents(file, detail);
  await events.read();
  return events;
}

/** All that lists, notifications and commands ask of a run that nobody looks at. */
function factsOf({ history }: RunEvents) {
  const { tokensPerSecond, ...head } = headOf(
    { id: "a", name: "A" },
    history,
    judge(history, { alive: false, lock: undefined }, { kind: "none" }),
  );
  const { attempt, start, plan, memory, paused, end, warnings, samples, rowLosses, learningRateChanges, marks } =
    history;
  const { bestStep, bestCheckpointStep } = history;
  const events = { attempt, start, plan, memory, paused, end, warnings, samples, rowLosses, learningRateChanges };
  // What lies thousands of steps back has no weight left that could be told.
  const speed = tokensPerSecond === null ? null : tokensPerSecond.toFixed(6);
  const evaluated = history.series.evalLoss.points();
  return { head, speed, ...events, marks, bestStep, bestCheckpointStep, evaluated };
}

const attempts = fc.array(
  fc.record<Attempt>({
    steps: fc.integer({ min: 0, max: 900 }),
    every: fc.constantFrom(50, 170, 400),
    how: fc.constantFrom("killed", "done", "error", "no start"),
  }),
  { minLength: 1, maxLength: 4 },
);

describe("events that are read in brief", () => {
  it("say of a run what all of its events say, over every attempt", async () => {
    const file = join(temporaryFolder(), "events.jsonl");
    await fc.assert(
      fc.asyncProperty(attempts, async (made) => {
        writeFileSync(file, eventsOf(made));
        expect(factsOf(await read(file, "brief"))).toEqual(factsOf(await read(file, "whole")));
      }),
      { numRuns: 60 },
    );
  });

  it("are without nearly all steps, but for the last ones", async () => {
    const file = join(temporaryFolder(), "events.jsonl");
    writeFileSync(file, eventsOf([{ steps: TOTAL_STEPS, every: 1000, how: "killed" }]));
    const { steps } = (await read(file, "brief")).history.series.loss;
    expect(steps).not.toContain(500);
    expect(steps).toEqual(expect.arrayContaining([1000, 2000, 2900, 2999, 3000]));
    expect(steps.length).toBeLessThan(700);
  });

  it("hold of lines of every kind what all of them hold", async () => {
    const file = join(temporaryFolder(), "events.jsonl");
    const steps = (from: number, to: number, attempt: number) =>
      Array.from({ length: to - from }, (_, index) => step(from + index, attempt)).join("");
    const odd = [
      "nonsense\n",
      '{"type":"hologram","time":1,"attempt":2}\n',
      '{"type":"step","time":1,"attempt":7x\n',
      `${"x".repeat(3 << 20)}\n`,
      // Of an attempt that is over, and of one that nothing else has told of: what comes behind is over too.
      step(5000, 1) + step(901, 7) + steps(901, 1700, 2),
    ];
    const late = line({ type: "error", code: "odd", message: "Late." }, 2);
    writeFileSync(file, start(1) + steps(1, 400, 1) + start(2) + steps(1, 900, 2) + odd.join("") + late);
    const [brief, whole] = [await read(file, "brief"), await read(file, "whole")];
    expect(whole.history).toMatchObject({ attempt: 7, step: 901, end: undefined });
    expect(factsOf(brief)).toEqual(factsOf(whole));
    expect(brief.skippedLines).toBe(whole.skippedLines);
  });

  it("go on with a file that grows, is cut off, or is another one", async () => {
    const file = join(temporaryFolder(), "events.jsonl");
    writeFileSync(file, eventsOf([{ steps: 1200, every: 500, how: "killed" }]));
    const events = await read(file, "brief");
    const torn = step(1201, 1);
    appendFileSync(file, torn.slice(0, 40));
    await events.read();
    expect(events.history.step).toBe(1200);
    appendFileSync(file, torn.slice(40) + others(2000, 1, 1000));
    await events.read();
    expect(factsOf(events)).toEqual(factsOf(await read(file, "whole")));
    truncateSync(file, 0);
    appendFileSync(file, start(1) + step(1, 1));
    await events.read();
    expect(factsOf(events)).toEqual(factsOf(await read(file, "whole")));
    expect(events.restarts).toBe(1);
  });

  it("are those of the beginning and the end, where there are too many", async () => {
    const file = join(temporaryFolder(), "events.jsonl");
    writeFileSync(file, start(1) + step(1, 1));
    truncateSync(file, 3 * 2 ** 30);
    appendFileSync(
      file,
      `\n${step(2, 1)}${line({ type: "error", code: "odd", message: "Lost." } satisfies Partial<EngineEvent>, 1)}`,
    );
    const events = await read(file, "brief");
    expect(events.history).toMatchObject({ step: 2, end: { message: "Lost." } });
    expect(events.leftOutBytes).toBeGreaterThan(2.5 * 2 ** 30);
  });
});
