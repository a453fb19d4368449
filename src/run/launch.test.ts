import {
  chmodSync,
  copyFileSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { endEngine, sendControl, stopRun } from "./control";
import { findEngine } from "./engineBinary";
import { readEngineState } from "./engineLock";
import { launchEngine } from "./launch";
import { MachineRuns, machineStateFolder } from "./machineRuns";
import { createRun, deleteRun, runPaths, runsFolderOf } from "./runDirectory";
import { RunMonitor, type RunUpdate, readSnapshot, watchRunsFolder } from "./runMonitor";
import { clearStartMark, markStartFailed, markStarting, readStartState, whileStarting } from "./startMark";
import { behave, fakeEngine, newRun, temporaryFolder, temporaryRun, until } from "./testing/testRun";

async function runThat(behaviour: object): Promise<string> {
  const { directory } = await temporaryRun();
  behave(directory, behaviour);
  return directory;
}

const stateOf = async (directory: string) => (await readSnapshot(directory)).state;

describe("launchEngine", () => {
  it("starts a run that finishes by itself", async () => {
    const directory = await runThat({ steps: 3 });
    await launchEngine(directory, fakeEngine);
    await until(async () => (await stateOf(directory)) === "finished");
    expect(await readSnapshot(directory)).toMatchObject({ step: 3, evalLossBefore: 3, evalLoss: 2, checkpointStep: 3 });
  });

  it("lets other folders know, and starts all the same where that cannot be written down", async () => {
    const first = await runThat({ steps: 100_000 });
    expect(await launchEngine(first, fakeEngine)).toMatchObject({ unlisted: null });
    expect((await new MachineRuns().read()).map(({ id }) => id)).toEqual([first]);
    await stopRun(first);
    const folder = machineStateFolder();
    rmSync(folder, { recursive: true });
    writeFileSync(folder, "");
    const second = await runThat({ steps: 3 });
    expect((await launchEngine(second, fakeEngine)).unlisted).toContain(folder);
    await until(async () => (await stateOf(second)) === "finished");
    rmSync(folder);
  });

  it("passes on the last words of an engine that ends at once", async () => {
    const words = "/models/tiny/config.json: num_attention_heads is missing.";
    const directory = await runThat({ lastWords: words });
    await expect(launchEngine(directory, fakeEngine)).rejects.toThrow(words);
    expect(await readSnapshot(directory)).toMatchObject({ state: "failed", cause: words });
    expect(readFileSync(runPaths(directory).log, "utf8")).toContain(words);
  });

  it("says so where the engine says nothing or cannot run", async () => {
    const directory = await runThat({});
    await expect(launchEngine(directory, "/bin/false")).rejects.toThrow("ended at once with exit code 1");
    await expect(launchEngine(directory, "/absent/engine")).rejects.toThrow(
      "could not be started: there is no such file",
    );
    expect(await stateOf(directory)).toBe("failed");
  });

  it("refuses a second engine, and goes on from the checkpoint after a kill", async () => {
    const directory = await runThat({ steps: 6, diesAtStep: 2 });
    await launchEngine(directory, fakeEngine);
    await until(async () => (await stateOf(directory)) === "failed");
    const snapshot = await readSnapshot(directory);
    expect(snapshot.cause).toBe("The engine ended unexpectedly at step 2; the checkpoint of step 2 is kept.");

    behave(directory, { steps: 200, stepMs: 20 });
    await launchEngine(directory, fakeEngine);
    await expect(launchEngine(directory, fakeEngine)).rejects.toThrow("already going");
    await stopRun(directory);
    const stopped = await readSnapshot(directory);
    expect(stopped.state).toBe("stopped");
    expect(stopped.curve.loss.map((point) => point.step)).toEqual(
      Array.from({ length: stopped.step }, (_, index) => index + 1),
    );
  });
});

it("waits for an engine that is just leaving", async () => {
  const directory = await runThat({ steps: 2, leavesAfterMs: 1500 });
  await launchEngine(directory, fakeEngine);
  await until(async () => (await stateOf(directory)) === "finished");
  expect((await readEngineState(directory)).alive).toBe(true);
  behave(directory, { steps: 4 });
  await launchEngine(directory, fakeEngine);
  await until(async () => (await readSnapshot(directory)).step === 4);
});

describe("control", () => {
  it("needs an engine at work", async () => {
    const { directory } = await temporaryRun();
    await expect(sendControl(directory, "pause")).rejects.toThrow("is still being prepared");
    await clearStartMark(directory);
    await expect(sendControl(directory, "pause")).rejects.toThrow("is not going on");
  });

  it("starts a line of its own behind a torn one, for the present attempt", async () => {
    const directory = await runThat({ steps: 500, stepMs: 20 });
    writeFileSync(runPaths(directory).control, '{"type":"st');
    await launchEngine(directory, fakeEngine);
    await sendControl(directory, "pause");
    const [torn, message] = readFileSync(runPaths(directory).control, "utf8").split("\n");
    expect(torn).toBe('{"type":"st');
    expect(JSON.parse(message!)).toMatchObject({ type: "pause", attempt: 1 });
    const { lock } = await readEngineState(directory);
    process.kill(lock!.pid, "SIGKILL");
  });

  it("forces a deaf engine only where asked to", async () => {
    const directory = await runThat({ steps: 100_000, stepMs: 20, deaf: true });
    await launchEngine(directory, fakeEngine);
    await expect(stopRun(directory, { signal: AbortSignal.timeout(300) })).rejects.toThrow();
    expect((await readEngineState(directory)).alive).toBe(true);
    await stopRun(directory, { forceAfterMs: 200 });
    expect(await stateOf(directory)).toBe("failed");
  });

  it("ends an engine that hangs, whose checkpoints stay", async () => {
    const directory = await runThat({ steps: 100_000, stepMs: 20 });
    const { pid } = await launchEngine(directory, fakeEngine);
    await until(async () => (await readSnapshot(directory)).checkpointStep !== null);
    process.kill(pid, "SIGSTOP");
    await endEngine(directory, 200);
    expect(await readSnapshot(directory)).toMatchObject({
      state: "failed",
      cause: expect.stringMatching(/the checkpoint of step \d+ is kept/),
    });
  });

  it("ends no process that has the number of another machine's engine", async () => {
    const { directory } = await temporaryRun();
    const lock = { pid: process.pid, startTicks: 1, host: "elsewhere", attempt: 1, heartbeat: Date.now() };
    writeFileSync(runPaths(directory).lock, JSON.stringify(lock));
    await expect(endEngine(directory, 200)).rejects.toThrow("runs on elsewhere; end it there.");
  });
});

describe("RunMonitor", () => {
  it("tells every point once, from a run that it joined in mid-course", async () => {
    const directory = await runThat({ steps: 30, stepMs: 15 });
    await launchEngine(directory, fakeEngine);
    const monitor = await RunMonitor.open(directory);
    const counts = [monitor.history.series.loss.length];
    const updates: RunUpdate[] = [];
    await monitor.follow((update) => {
      updates.push(update);
      counts.push(monitor.history.series.loss.length);
    });
    await until(() => monitor.head().state === "finished");
    await monitor.close();
    expect(counts.at(-1)).toBe(30);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(monitor.history.series.loss.steps).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
    expect(updates.some((update) => update.redraw)).toBe(false);
  });

  it("says so when an attempt voids points", async () => {
    const directory = await runThat({ steps: 3 });
    const event = (attempt: number, fields: object) => `${JSON.stringify({ time: 1, attempt, ...fields })}\n`;
    const start = { type: "start", engine: "fake", pid: 1, device: "cpu", threads: 1, totalSteps: 3 };
    const step = { type: "step", learningRate: 1, gradientNorm: 1, tokens: 1, targets: 1, seconds: 1, loss: 1 };
    const events = runPaths(directory).events;
    writeFileSync(events, event(1, { ...start, resumedFrom: 0 }) + event(1, { ...step, step: 1 }));
    const monitor = await RunMonitor.open(directory);
    const updates: RunUpdate[] = [];
    await monitor.follow((update) => updates.push(update));
    writeFileSync(events, event(2, { ...start, resumedFrom: 0 }), { flag: "a" });
    await monitor.refresh();
    await monitor.close();
    expect(updates.at(-1)).toMatchObject({ redraw: true });
    expect(monitor.snapshot().curve.loss).toEqual([]);
  });

  it("notices an engine that vanishes without a word", async () => {
    const directory = await runThat({ steps: 100_000, stepMs: 20 });
    const { pid } = await launchEngine(directory, fakeEngine);
    const monitor = await RunMonitor.open(directory);
    await monitor.follow(() => {});
    process.kill(pid, "SIGKILL");
    await until(() => monitor.head().state === "failed");
    expect(monitor.head().cause).toContain("ended unexpectedly");
    await monitor.close();
  });

  it("refuses what is no run", async () => {
    await expect(RunMonitor.open(temporaryFolder())).rejects.toThrow("is not a run directory");
  });
});

it("hears of runs that come and go, also before the folder exists", async () => {
  const folder = runsFolderOf(temporaryFolder());
  let calls = 0;
  const end = await watchRunsFolder(folder, () => calls++);
  const { directory } = await createRun(folder, newRun());
  await until(() => calls > 0);
  const before = calls;
  await deleteRun(directory);
  await until(() => calls > before);
  await end();
});

it("hears of a run whose folder is there before its run.json", async () => {
  const folder = runsFolderOf(temporaryFolder());
  const { directory } = await createRun(folder, newRun());
  let calls = 0;
  const end = await watchRunsFolder(folder, () => calls++);
  const copy = join(folder, "a-copy");
  mkdirSync(copy);
  await until(() => calls > 0);
  const before = calls;
  copyFileSync(runPaths(directory).spec, runPaths(copy).spec);
  await until(() => calls > before);
  await end();
});

describe("the start mark", () => {
  afterEach(() => void vi.useRealTimers());
  const dead = { pid: 2 ** 22 + 1, startTicks: 1, afterAttempt: 0, error: null };

  it("of another machine counts as long as it is fresh, and is nothing to take up", async () => {
    const { directory } = await temporaryRun();
    const { startMark } = runPaths(directory);
    writeFileSync(startMark, JSON.stringify({ ...dead, host: "elsewhere", takeUp: true }));
    expect(await readStartState(directory, 0)).toEqual({ kind: "under-way", here: false });
    for (const awayMs of [-61_000, 61_000]) {
      const then = new Date(Date.now() + awayMs);
      lutimesSync(startMark, then, then);
      expect(await readStartState(directory, 0)).toMatchObject({ kind: "failed" });
    }
  });

  it("stays fresh while a start goes on, and no longer", async () => {
    const { directory } = await temporaryRun();
    const { startMark } = runPaths(directory);
    const age = () => lutimesSync(startMark, new Date(0), new Date(0));
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    await whileStarting(directory, async () => {
      age();
      await vi.advanceTimersByTimeAsync(20_000);
      await until(() => statSync(startMark).mtimeMs > 0);
    });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is touched itself where it is a link, not what that leads to", async () => {
    const { directory } = await temporaryRun();
    const { startMark } = runPaths(directory);
    const elsewhere = join(temporaryFolder(), "file");
    writeFileSync(elsewhere, "");
    lutimesSync(elsewhere, new Date(0), new Date(0));
    const link = join(directory, "link");
    symlinkSync(elsewhere, link);
    renameSync(link, startMark);
    lutimesSync(startMark, new Date(0), new Date(0));
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    await whileStarting(directory, async () => {
      await vi.advanceTimersByTimeAsync(20_000);
      await until(() => lstatSync(startMark).mtimeMs > 0);
    });
    expect(statSync(elsewhere).mtimeMs).toBe(0);
  });

  it("counts until the engine's next attempt speaks", async () => {
    const { directory } = await temporaryRun();
    await markStarting(directory, 1);
    expect(await readStartState(directory, 1)).toEqual({ kind: "under-way", here: true });
    expect(await readStartState(directory, 2)).toEqual({ kind: "none" });
    await markStartFailed(directory, 1, "No rows.");
    expect(await readStartState(directory, 1)).toEqual({ kind: "failed", cause: "No rows." });
  });

  it("does not wait for a starter that has died", async () => {
    const { directory } = await temporaryRun();
    const mark = { ...dead, host: hostname() };
    writeFileSync(runPaths(directory).startMark, JSON.stringify(mark));
    expect(await readStartState(directory, 0)).toMatchObject({ kind: "failed" });
    writeFileSync(runPaths(directory).startMark, JSON.stringify({ ...mark, takeUp: true }));
    expect(await readStartState(directory, 0)).toEqual({ kind: "interrupted" });
    for (const damaged of ["", "{", "null", "{}"]) {
      writeFileSync(runPaths(directory).startMark, damaged);
      expect(await readStartState(directory, 0)).toEqual({ kind: "none" });
    }
  });
});

describe("findEngine", () => {
  it("takes the packaged one, else the built one, and says where it looked", async () => {
    const root = temporaryFolder();
    await expect(findEngine({ root })).rejects.toThrow(`there is neither ${root}/bin/linux-x64/tunesmith-engine`);
    const built = await place(root, "build/native/release");
    expect(await findEngine({ root })).toBe(built);
    const packaged = await place(root, "bin/linux-x64");
    expect(await findEngine({ root })).toBe(packaged);
    chmodSync(packaged, 0o644);
    await expect(findEngine({ root })).rejects.toThrow(`${packaged} cannot be run: permission denied`);
  });

  it("takes the configured one alone", async () => {
    const root = temporaryFolder();
    await place(root, "bin/linux-x64");
    expect(await findEngine({ root, configured: fakeEngine })).toBe(fakeEngine);
    await expect(findEngine({ root, configured: "/absent" })).rejects.toThrow("/absent does not exist");
    await expect(findEngine({ root, configured: root })).rejects.toThrow("is not a file");
  });

  it("says which platform it is for", async () => {
    const search = { root: temporaryFolder(), platform: "darwin" as const, arch: "arm64" };
    await expect(findEngine(search)).rejects.toThrow("Linux x64 only, and this machine is darwin arm64");
  });

  async function place(root: string, folder: string): Promise<string> {
    const { mkdir, copyFile } = await import("node:fs/promises");
    await mkdir(join(root, folder), { recursive: true });
    const path = join(root, folder, "tunesmith-engine");
    await copyFile(fakeEngine, path);
    return path;
  }
});
