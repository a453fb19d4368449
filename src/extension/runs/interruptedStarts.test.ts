/** Windows on one folder, and a run whose window has gone while its data were prepared. */
import { writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { afterEach, expect, it, vi } from "vitest";
import { runPaths } from "../../run/runDirectory";
import { RunMonitor } from "../../run/runMonitor";
import { clearStartMark, readStartState } from "../../run/startMark";
import { temporaryRun, until } from "../../run/testing/testRun";
import { JobCancelled } from "../jobs/runJob";
import { InterruptedStarts } from "./interruptedStarts";
import { type RunRegistry, TrackedRun } from "./runRegistry";
import { FakeEmitter } from "./testing/fakeVscode";

vi.mock("vscode", () => ({}));

const windows: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const window of windows.splice(0)) await window.close();
});

/** A window with the run in it; `start` is what it does with a run that it takes up. */
async function openWindow(directory: string, start: () => Promise<void>) {
  const monitor = await RunMonitor.open(directory);
  const run = new TrackedRun(monitor);
  const changed = new FakeEmitter<void>();
  const updated = new FakeEmitter<{ run: TrackedRun }>();
  const problems: string[] = [];
  const runs = {
    runs: [run],
    onDidChange: changed.event,
    onDidUpdate: updated.event,
    refresh: () => monitor.refresh(),
  } as unknown as RunRegistry;
  const log = { info: () => {}, error: (text: string) => problems.push(text) };
  const starts = new InterruptedStarts(runs, log as never, start);
  await monitor.follow(() => updated.fire({ run }));
  const window = {
    run,
    problems,
    load: () => changed.fire(),
    close: async () => {
      starts.dispose();
      await monitor.close();
    },
  };
  windows.push(window);
  return window;
}

const markOf = (directory: string, changes: object = {}) => {
  const mark = { pid: 2 ** 22 + 1, startTicks: 1, host: hostname(), afterAttempt: 0, error: null, takeUp: true };
  writeFileSync(runPaths(directory).startMark, JSON.stringify({ ...mark, ...changes }));
};

it("is taken up by exactly one of the windows", async () => {
  const { directory } = await temporaryRun();
  markOf(directory);
  const started: number[] = [];
  const open = [0, 1, 2].map((index) => openWindow(directory, async () => void started.push(index)));
  const all = await Promise.all(open);
  expect(all.map(({ run }) => [run.head().state, run.interrupted])).toEqual(Array(3).fill(["queued", true]));
  for (const window of all) window.load();
  await until(() => started.length > 0 && all.every(({ run }) => !run.interrupted));
  expect(started).toHaveLength(1);
  expect(await readStartState(directory, 0)).toEqual({ kind: "under-way", here: true });
  expect(all[0]!.run.head().state).toBe("preparing");
  expect(all.flatMap(({ problems }) => problems)).toEqual([]);
});

it("is taken up while the window looks on, and again where that window goes too", async () => {
  const { directory } = await temporaryRun();
  let started = 0;
  await openWindow(directory, async () => void started++);
  markOf(directory);
  await until(() => started === 1);
  markOf(directory);
  await until(() => started === 2);
});

it("stays where it was not a window's, or another machine's", async () => {
  const { directory } = await temporaryRun();
  let started = 0;
  markOf(directory, { takeUp: undefined });
  const window = await openWindow(directory, async () => void started++);
  window.load();
  expect(window.run.head().state).toBe("failed");
  markOf(directory, { host: "elsewhere" });
  await until(() => window.run.head().state === "preparing");
  await clearStartMark(directory);
  await until(() => window.run.head().state === "queued");
  expect(started).toBe(0);
});

it("says what goes wrong in the log, and nothing where it was given up", async () => {
  const { directory } = await temporaryRun();
  const failures = [new JobCancelled(), new Error("No rows.")];
  const window = await openWindow(directory, () => Promise.reject(failures.shift()));
  markOf(directory);
  await until(() => failures.length === 1);
  expect(window.problems).toEqual([]);
  await until(() => window.run.head().state === "preparing");
  markOf(directory);
  await until(() => window.problems.length === 1);
  expect(window.problems[0]).toContain("No rows.");
});
