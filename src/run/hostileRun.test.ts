/** Run directories that someone else has made: nothing outside of them is touched, and what can be read is shown. */
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sendControl } from "./control";
import { readEngineState } from "./engineLock";
import { readAttempt, readLastEvents } from "./lastEvents";
import { launchEngine } from "./launch";
import { ownIdentity } from "./processIdentity";
import { deleteRun, readRunSpec, runPaths } from "./runDirectory";
import { readSnapshot } from "./runMonitor";
import { fakeEngine, temporaryFolder, temporaryRun } from "./testing/testRun";

const event = (fields: object) => `${JSON.stringify({ time: 1, attempt: 1, ...fields })}\n`;
const start = { type: "start", engine: "x", pid: 1, device: "cpu", threads: 1, resumedFrom: 0, totalSteps: 9 };
const step = { type: "step", learningRate: 1, gradientNorm: 1, tokens: 1, targets: 1, seconds: 1, loss: 1 };

async function newDirectory(): Promise<string> {
  const { directory } = await temporaryRun();
  rmSync(runPaths(directory).startMark);
  return directory;
}

describe("pipes, links and sizes", () => {
  it("waits for no pipe, whatever file it takes the place of", async () => {
    const directory = await newDirectory();
    const { events, lock, startMark } = runPaths(directory);
    for (const file of [events, lock, startMark, join(directory, "notes.json")]) execFileSync("mkfifo", [file]);
    expect((await readSnapshot(directory)).state).toBe("queued");
    const { spec } = runPaths(directory);
    rmSync(spec);
    execFileSync("mkfifo", [spec]);
    await expect(readRunSpec(directory)).rejects.toThrow("run.json is not a plain file");
  });

  it("reads nothing that a link leads to", async () => {
    const directory = await newDirectory();
    const elsewhere = join(temporaryFolder(), "events.jsonl");
    writeFileSync(elsewhere, event(start) + event({ ...step, step: 1 }));
    symlinkSync(elsewhere, runPaths(directory).events);
    expect(await readSnapshot(directory)).toMatchObject({ state: "queued", step: 0 });
    const { spec } = runPaths(directory);
    rmSync(spec);
    symlinkSync("/etc/passwd", spec);
    await expect(readRunSpec(directory)).rejects.toThrow("run.json is a link, which is not followed.");
  });

  it("refuses a run.json of a gigabyte without reading it", async () => {
    const directory = await newDirectory();
    truncateSync(runPaths(directory).spec, 2 ** 30);
    await expect(readRunSpec(directory)).rejects.toThrow("larger than 4,194,304 bytes");
  });

  it("starts no engine that would write through a link", async () => {
    for (const name of ["checkpoints", "events", "control", "log", "adapter", "data"] as const) {
      const directory = await newDirectory();
      const elsewhere = temporaryFolder();
      symlinkSync(elsewhere, runPaths(directory)[name]);
      await expect(launchEngine(directory, fakeEngine)).rejects.toThrow("is a link out of the run's folder");
      expect(readdirSync(elsewhere)).toEqual([]);
    }
  });

  it("writes to no file that a link leads to", async () => {
    const directory = await newDirectory();
    writeFileSync(join(directory, "behaviour.json"), JSON.stringify({ steps: 1000, stepMs: 20 }));
    const { pid } = await launchEngine(directory, fakeEngine);
    try {
      const elsewhere = join(temporaryFolder(), "profile");
      writeFileSync(elsewhere, "");
      symlinkSync(elsewhere, runPaths(directory).control);
      await expect(sendControl(directory, "pause")).rejects.toThrow("control.jsonl is a link, which is not followed.");
      expect(readFileSync(elsewhere, "utf8")).toBe("");
    } finally {
      process.kill(pid, "SIGKILL");
    }
  });

  it("deletes links, not what they lead to", async () => {
    const directory = await newDirectory();
    const elsewhere = temporaryFolder();
    writeFileSync(join(elsewhere, "precious"), "");
    symlinkSync(elsewhere, runPaths(directory).checkpoints);
    symlinkSync(join(elsewhere, "precious"), join(directory, "export"));
    await deleteRun(directory);
    expect(existsSync(directory)).toBe(false);
    expect(readdirSync(elsewhere)).toEqual(["precious"]);
  });
});

describe("events that are none, or of another version", () => {
  it("shows what can be read between what cannot", async () => {
    const directory = await newDirectory();
    writeFileSync(
      runPaths(directory).events,
      [
        event({ ...start, foreign: { deep: [1] } }),
        event({ ...step, step: 1 }),
        event({ type: "hologram", step: 2, of: "a newer version" }),
        event({ ...step, step: 1e308, loss: 1 }),
        event({ ...step, step: 2, loss: "<img src=x onerror=alert(1)>" }),
        event({ ...step, step: -3 }),
        "\0\0\0\n[]\nnull\n",
        event({ ...step, step: 2 }),
        '{"type":"step","st',
      ].join(""),
    );
    const snapshot = await readSnapshot(directory);
    expect(snapshot).toMatchObject({ state: "failed", step: 2, totalSteps: 9 });
    expect(snapshot.cause).toContain("ended unexpectedly at step 2");
  });

  it("finds the last attempt behind any amount of rubbish, from the end", async () => {
    const directory = await newDirectory();
    const { events } = runPaths(directory);
    expect(await readAttempt(directory)).toBe(0);
    writeFileSync(events, event({ ...start, attempt: 3 }));
    appendFileSync(events, `${"x".repeat(300_000)}\n`);
    expect(await readAttempt(directory)).toBe(3);
    appendFileSync(events, event({ ...start, attempt: 4 }).slice(0, -1));
    expect(await readAttempt(directory)).toBe(3);
    appendFileSync(events, "\n");
    expect((await readLastEvents(directory)).at(-1)).toMatchObject({ attempt: 4 });
  });
});

describe("a lock that does not hold", () => {
  const write = (directory: string, lock: object) => writeFileSync(runPaths(directory).lock, JSON.stringify(lock));

  it("is one of before a reboot, whose number and ticks another process has now", async () => {
    const directory = await newDirectory();
    const { pid, startTicks, host } = await ownIdentity();
    write(directory, { pid, startTicks, host, attempt: 1, heartbeat: Date.now() });
    expect((await readEngineState(directory)).alive).toBe(true);
    write(directory, { pid, startTicks, host, attempt: 1, heartbeat: 1000 });
    expect((await readEngineState(directory)).alive).toBe(false);
  });

  it("is another machine's that is silent, or beats in times to come", async () => {
    const directory = await newDirectory();
    const lock = { pid: 1, startTicks: 1, host: "elsewhere", attempt: 1 };
    const now = Date.now();
    for (const [heartbeat, alive] of [
      [now, true],
      [now + 15_000, true],
      [now + 25_000, false],
      [now - 25_000, false],
      [Number.MAX_SAFE_INTEGER, false],
    ] as const) {
      write(directory, { ...lock, heartbeat });
      expect((await readEngineState(directory, now)).alive).toBe(alive);
    }
  });

  it("is one of times to come that names any process of this machine", async () => {
    const directory = await newDirectory();
    const { pid, startTicks, host } = await ownIdentity();
    write(directory, { pid, startTicks, host, attempt: 1, heartbeat: Date.now() + 3_600_000 });
    expect((await readEngineState(directory)).alive).toBe(false);
  });

  it("is one with absurd numbers", async () => {
    const directory = await newDirectory();
    const good = { pid: process.pid, startTicks: 1, host: hostname(), attempt: 1, heartbeat: 1 };
    for (const bad of [{ pid: -1 }, { pid: 0 }, { pid: 1e300 }, { attempt: 0.5 }, { host: 7 }, { heartbeat: null }]) {
      write(directory, { ...good, ...bad });
      expect(await readEngineState(directory)).toEqual({ alive: false, lock: undefined });
    }
  });

  it("is not an engine's whose clock was set forward while it was at work", async () => {
    const directory = await newDirectory();
    writeFileSync(join(directory, "behaviour.json"), JSON.stringify({ steps: 1000, stepMs: 20 }));
    const { pid } = await launchEngine(directory, fakeEngine);
    try {
      const lock = JSON.parse(readFileSync(runPaths(directory).lock, "utf8"));
      write(directory, { ...lock, heartbeat: 1000 });
      expect((await readEngineState(directory)).alive).toBe(true);
    } finally {
      process.kill(pid, "SIGKILL");
    }
  });
});

it("keeps a run's queue mark out of reach of who made it", async () => {
  const directory = await newDirectory();
  mkdirSync(join(directory, "data"));
  writeFileSync(
    runPaths(directory).startMark,
    JSON.stringify({ pid: 1, startTicks: 1, host: "elsewhere", afterAttempt: 0, error: null, queued: true }),
  );
  expect((await readSnapshot(directory)).state).toBe("queued");
  writeFileSync(runPaths(directory).events, event(start));
  expect((await readSnapshot(directory)).state).toBe("failed");
});
