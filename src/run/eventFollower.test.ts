import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EngineEvent } from "../protocol/engine";
import { parseEngineEvent } from "./engineEvent";
import { type EventBatch, EventFollower } from "./eventFollower";
import { temporaryFolder } from "./testing/testRun";

const step = (number: number, attempt = 1) => ({
  type: "step" as const,
  time: 1000 + number,
  attempt,
  step: number,
  loss: 2.5,
  learningRate: 1e-3,
  gradientNorm: 1,
  tokens: 100,
  targets: 50,
  seconds: 0.5,
});
const warning = (message: string) => ({ type: "warning" as const, time: 1, attempt: 1, code: "odd", message });
const line = (event: EngineEvent) => `${JSON.stringify(event)}\n`;

function newFile(): { file: string; follower: EventFollower } {
  const file = join(temporaryFolder(), "events.jsonl");
  return { file, follower: new EventFollower(file) };
}

/** One read, its batches as one. */
async function all(follower: EventFollower): Promise<Omit<EventBatch, "leftOutBytes">> {
  const read: Omit<EventBatch, "leftOutBytes"> = { restarted: false, events: [], skippedLines: 0 };
  await follower.read(({ restarted, events, skippedLines }) => {
    if (restarted) Object.assign(read, { restarted, events: [] });
    read.events.push(...events);
    read.skippedLines += skippedLines;
  });
  return read;
}

describe("parseEngineEvent, from one version to the next", () => {
  const start = { type: "start", time: 1, attempt: 1, engine: "0.1.0", pid: 7, device: "cpu", threads: 2 };
  const plan = {
    type: "plan",
    time: 1,
    attempt: 1,
    recompute: "none",
    microBatch: 4,
    forecastBytes: 1,
    weightBytes: 1,
  };
  const older = [
    { ...start, resumedFrom: 0, totalSteps: 10 },
    { ...plan, adapterBytes: 1, activationBytes: 1, parameters: 1, trainableParameters: 1 },
  ];

  it("reads the events of engines that knew one device", () => {
    expect(older.map((event) => parseEngineEvent(JSON.stringify(event)))).toEqual(older);
  });

  it("reads those of a GPU, and refuses what is of the wrong kind", () => {
    const gpu = { ...older[0], deviceName: "NVIDIA H100 80GB HBM3" };
    expect(parseEngineEvent(JSON.stringify(gpu))).toEqual(gpu);
    expect(parseEngineEvent(JSON.stringify({ ...gpu, deviceName: 7 }))).toBeUndefined();
    expect(parseEngineEvent(JSON.stringify({ ...older[1], savedBytes: "much" }))).toBeUndefined();
    const reading = {
      type: "telemetry",
      time: 1,
      attempt: 1,
      step: 3,
      tokensPerSecond: 9,
      memoryUsed: 1,
      memoryTotal: 2,
    };
    const told = { ...reading, utilisation: 98, temperature: null, watts: 650.5 };
    expect(parseEngineEvent(JSON.stringify(told))).toEqual(told);
    expect(parseEngineEvent(JSON.stringify(reading))).toBeUndefined();
    const memory = { type: "memory", time: 1, attempt: 1, usedBytes: 9, forecastBytes: 8 };
    expect(parseEngineEvent(JSON.stringify(memory))).toEqual(memory);
  });
});

describe("EventFollower", () => {
  it("hands a long file over in batches of some hundred events", async () => {
    const { file, follower } = newFile();
    const events = Array.from({ length: 5000 }, (_, index) => step(index + 1));
    writeFileSync(file, events.map(line).join(""));
    const sizes: number[] = [];
    const read: EngineEvent[] = [];
    await follower.read((batch) => {
      sizes.push(batch.events.length);
      read.push(...batch.events);
    });
    expect(read).toEqual(events);
    expect(Math.max(...sizes)).toBeLessThan(1000);
  });

  it("waits for the file", async () => {
    const { file, follower } = newFile();
    expect(await all(follower)).toEqual({ restarted: false, events: [], skippedLines: 0 });
    writeFileSync(file, line(step(1)));
    expect((await all(follower)).events).toEqual([step(1)]);
    expect((await all(follower)).events).toEqual([]);
  });

  it("gives every event once, wherever the writes are torn", async () => {
    const events = [step(1), warning("größer als gedacht: 火"), step(2), warning(""), step(3)];
    const bytes = Buffer.from(events.map(line).join(""));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 12 }), async (cuts) => {
        const { file, follower } = newFile();
        const bounds = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const seen: EngineEvent[] = [];
        for (let part = 1; part < bounds.length; part++) {
          appendFileSync(file, bytes.subarray(bounds[part - 1], bounds[part]));
          const batch = await all(follower);
          expect(batch.skippedLines).toBe(0);
          expect(batch.restarted).toBe(false);
          seen.push(...batch.events);
        }
        expect(seen).toEqual(events);
      }),
      { numRuns: 50 },
    );
  });

  it("takes up the line that the next attempt writes in place of a torn one", async () => {
    const { file, follower } = newFile();
    writeFileSync(file, `${line(step(1))}{"type":"step","ti`);
    expect((await all(follower)).events).toEqual([step(1)]);
    truncateSync(file, line(step(1)).length);
    appendFileSync(file, line(step(1, 2)));
    expect(await all(follower)).toEqual({ restarted: false, events: [step(1, 2)], skippedLines: 0 });
  });

  it("starts over when the file is cut or another one", async () => {
    const { file, follower } = newFile();
    writeFileSync(file, line(step(1)) + line(step(2)));
    await all(follower);
    truncateSync(file, 0);
    appendFileSync(file, line(step(7)));
    expect(await all(follower)).toEqual({ restarted: true, events: [step(7)], skippedLines: 0 });

    writeFileSync(`${file}.new`, line(step(8)) + line(step(9)) + line(step(10)));
    renameSync(`${file}.new`, file);
    expect(await all(follower)).toEqual({ restarted: true, events: [step(8), step(9), step(10)], skippedLines: 0 });

    rmSync(file);
    expect(await all(follower)).toEqual({ restarted: true, events: [], skippedLines: 0 });
  });

  it("skips and counts hostile lines", async () => {
    const { file, follower } = newFile();
    const hostile = [
      "not json",
      "[]",
      "null",
      '{"type":"step"}',
      JSON.stringify({ ...step(1), loss: "2" }),
      JSON.stringify({ ...step(1), step: -1 }),
      JSON.stringify({ ...step(1), attempt: 0 }),
      JSON.stringify({ ...step(1), type: "constructor" }),
      '{"type":"step","time":1e999}',
    ];
    writeFileSync(file, `${hostile.join("\n")}\n\n  \n${line(step(2))}`);
    expect(await all(follower)).toEqual({ restarted: false, events: [step(2)], skippedLines: hostile.length });
  });

  it("skips a line of many megabytes, also when it comes in parts", async () => {
    const { file, follower } = newFile();
    const long = Buffer.alloc(3 << 20, "x");
    writeFileSync(file, line(step(1)));
    appendFileSync(file, long);
    expect(await all(follower)).toMatchObject({ events: [step(1)], skippedLines: 0 });
    appendFileSync(file, long);
    appendFileSync(file, `\n${line(step(2))}`);
    expect(await all(follower)).toEqual({ restarted: false, events: [step(2)], skippedLines: 1 });
  });

  it("reads the beginning and the end of a file of gigabytes, and says what lies between", async () => {
    const { file, follower } = newFile();
    writeFileSync(file, line(step(1)));
    truncateSync(file, 3 * 2 ** 30);
    appendFileSync(file, `\n${line(step(2))}`);
    const events: EngineEvent[] = [];
    let leftOut = 0;
    const take = (batch: EventBatch) => {
      events.push(...batch.events);
      leftOut += batch.leftOutBytes;
    };
    await follower.read(take);
    expect(events).toEqual([step(1), step(2)]);
    expect(leftOut).toBeGreaterThan(2.5 * 2 ** 30);
    appendFileSync(file, line(step(3)));
    await follower.read(take);
    expect(events.at(-1)).toEqual(step(3));
  });

  it("passes on what is no missing file", async () => {
    const folder = mkdtempSync(join(temporaryFolder(), "events"));
    await expect(all(new EventFollower(folder))).rejects.toThrow("is not a plain file");
  });
});

describe("parseEngineEvent", () => {
  it("lets fields through that a newer engine adds", () => {
    expect(parseEngineEvent(JSON.stringify({ ...step(1), memory: 1 }))).toMatchObject(step(1));
  });

  it("allows missing held-out figures in a done event", () => {
    const done = { type: "done", time: 1, attempt: 1, step: 1, totalSteps: 1, tokens: 1, seconds: 1 };
    const figures = { evalLossBefore: null, evalLossAfter: null };
    expect(parseEngineEvent(JSON.stringify({ ...done, ...figures, reason: "stopped" }))).toBeDefined();
    expect(parseEngineEvent(JSON.stringify({ ...done, ...figures, reason: "bored" }))).toBeUndefined();
    expect(parseEngineEvent(JSON.stringify({ ...done, reason: "stopped" }))).toBeUndefined();
  });
});
