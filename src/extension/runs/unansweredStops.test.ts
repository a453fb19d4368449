import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { readEngineState } from "../../run/engineLock";
import { launchEngine } from "../../run/launch";
import { runPaths } from "../../run/runDirectory";
import { RunMonitor } from "../../run/runMonitor";
import { behave, fakeEngine, temporaryRun, until } from "../../run/testing/testRun";
import type { Services } from "../context";
import { TrackedRun } from "./runRegistry";
import { UnansweredStops } from "./unansweredStops";

const asked: string[] = [];
let answer: string | undefined;
let whileAsked = () => {};
vi.mock("vscode", () => ({
  ProgressLocation: {},
  l10n: { t: (text: string, ...args: string[]) => text.replace("{0}", args[0] ?? "") },
  window: {
    showWarningMessage: async (message: string) => {
      asked.push(message);
      whileAsked();
      return answer;
    },
    showErrorMessage: (message: string) => asked.push(message),
    withProgress: ({ title }: { title: string }, work: () => Promise<void>) => {
      asked.push(title);
      return work();
    },
  },
}));

beforeEach(() => {
  asked.length = 0;
  answer = undefined;
  whileAsked = () => {};
});
afterEach(() => void vi.useRealTimers());

/** An engine that does not hear of stops, at work on a run. */
async function deafRun() {
  const { directory } = await temporaryRun();
  behave(directory, { steps: 100_000, stepMs: 20, deaf: true });
  const { pid } = await launchEngine(directory, fakeEngine);
  const monitor = await RunMonitor.open(directory);
  const log = { warn: () => {}, error: (text: string) => asked.push(text) };
  const services = { log, runs: { refresh: () => monitor.refresh() } } as unknown as Services;
  const { lock } = await readEngineState(directory);
  const beatAt = (heartbeat: number) => writeFileSync(runPaths(directory).lock, JSON.stringify({ ...lock, heartbeat }));
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  return { directory, pid, monitor, beatAt, run: new TrackedRun(monitor), stops: new UnansweredStops(() => services) };
}

/** As far as the files have been read. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

it("offers to end an engine that is silent, and ends it", async () => {
  const { directory, monitor, beatAt, run, stops } = await deafRun();
  answer = "End It";
  beatAt(Date.now() - 30_000);
  await monitor.refresh();
  expect(run.head()).toMatchObject({ state: "running", silentSeconds: 30, secondsLeft: null });
  stops.expect(run, 1);
  await vi.advanceTimersByTimeAsync(20_000);
  vi.useRealTimers();
  await until(async () => !(await readEngineState(directory)).alive && run.head().state === "failed");
  expect(asked).toEqual([
    expect.stringMatching(/^The engine of Try does not answer\./),
    expect.stringMatching(/^Ending the engine/),
  ]);
  await monitor.close();
});

it("leaves an engine that beats more time, and says that it has not stopped", async () => {
  const { pid, monitor, beatAt, run, stops } = await deafRun();
  try {
    stops.expect(run, 1);
    for (let look = 1; look <= 3; look++) {
      expect(asked).toEqual([]);
      beatAt(Date.now());
      const timers = vi.getTimerCount();
      await vi.advanceTimersByTimeAsync(20_000);
      // Each look ends with the next one's timer, the last one with the offer.
      while (vi.getTimerCount() < timers && asked.length === 0) await settle();
    }
    expect(asked).toEqual([expect.stringMatching(/^Try has not stopped yet\./)]);
  } finally {
    stops.dispose();
    process.kill(pid, "SIGKILL");
    await monitor.close();
  }
});

it("says nothing where the engine has ended, or another attempt is at work", async () => {
  const { directory, pid, monitor, run, stops } = await deafRun();
  stops.expect(run, 7);
  await vi.advanceTimersByTimeAsync(20_000);
  process.kill(pid, "SIGKILL");
  vi.useRealTimers();
  await until(async () => !(await readEngineState(directory)).alive);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  stops.expect(run, 1);
  await vi.advanceTimersByTimeAsync(20_000);
  for (let turn = 0; turn < 50; turn++) await settle();
  expect([asked, vi.getTimerCount()]).toEqual([[], 0]);
  await monitor.close();
});

it("ends no engine of a later attempt, and asks again only where it is to wait", async () => {
  const { directory, pid, monitor, beatAt, run, stops } = await deafRun();
  answer = "End It";
  beatAt(Date.now() - 30_000);
  stops.expect(run, 1);
  whileAsked = () => {
    const { lock } = runPaths(directory);
    writeFileSync(lock, readFileSync(lock, "utf8").replace('"attempt":1', '"attempt":2'));
  };
  await vi.advanceTimersByTimeAsync(20_000);
  while (asked.length === 0) await settle();
  for (let turn = 0; turn < 50; turn++) await settle();
  expect(asked).toHaveLength(1);
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  expect((await readEngineState(directory)).alive).toBe(true);
  process.kill(pid, "SIGKILL");
  await monitor.close();
});
