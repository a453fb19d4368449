import { appendFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runPaths } from "./runDirectory";
import { RunMonitor, type RunUpdate, readHead } from "./runMonitor";
import { clearStartMark } from "./startMark";
import { temporaryFolder, temporaryRun } from "./testing/testRun";

const STEPS = 1500;
const event = (fields: object) => `${JSON.stringify({ type: "", time: 1_795_000_000_000, attempt: 1, ...fields })}\n`;
const start = { type: "start", engine: "x", pid: 1, device: "cpu", threads: 1, resumedFrom: 0, totalSteps: STEPS };
const step = (number: number) =>
  event({ type: "step", step: number, loss: 1, learningRate: 1, gradientNorm: 1, tokens: 1, targets: 1, seconds: 1 });

async function longRun(): Promise<string> {
  const { directory } = await temporaryRun();
  await clearStartMark(directory);
  const steps = Array.from({ length: STEPS }, (_, index) => step(index + 1)).join("");
  writeFileSync(runPaths(directory).events, event(start) + steps);
  return directory;
}

describe("a run whose steps are read when they are wanted", () => {
  it("says what it is without them, has all of them, and lets them go again", async () => {
    const directory = await longRun();
    const monitor = await RunMonitor.open(directory, "brief");
    const updates: RunUpdate[] = [];
    monitor.listen((update) => updates.push(update));
    const steps = () => monitor.history.series.loss.length;
    const head = monitor.head();
    expect(head).toEqual(await readHead(directory));
    expect(head).toMatchObject({ state: "failed", step: STEPS, totalSteps: STEPS });
    expect(steps()).toBeLessThan(STEPS / 2);

    await monitor.want("whole");
    expect([monitor.detail, steps()]).toEqual(["whole", STEPS]);
    expect(monitor.head()).toEqual((await RunMonitor.open(directory)).head());
    expect(updates.map(({ redraw }) => redraw)).toEqual([true]);
    await monitor.want("whole");
    expect(updates).toHaveLength(1);

    appendFileSync(runPaths(directory).events, step(STEPS + 1));
    await monitor.refresh();
    expect([monitor.head().step, steps()]).toEqual([STEPS + 1, STEPS + 1]);

    await monitor.want("brief");
    expect(steps()).toBeLessThan(STEPS / 2);
    expect(monitor.head().step).toBe(STEPS + 1);
    await monitor.close();
  });

  it("ends with what was wanted last, however fast that changes", async () => {
    const monitor = await RunMonitor.open(await longRun(), "brief");
    const all = [monitor.want("whole"), monitor.want("brief"), monitor.want("whole")];
    await Promise.all(all);
    expect(monitor.detail).toBe("whole");
    const reading = monitor.want("brief");
    await Promise.resolve();
    await Promise.all([reading, monitor.want("whole")]);
    expect(monitor.detail).toBe("whole");
    await monitor.close();
  });

  it("shows what was read before until all is there", async () => {
    const monitor = await RunMonitor.open(await longRun(), "brief");
    const before = monitor.history;
    const reading = monitor.want("whole");
    await new Promise((resolve) => setImmediate(resolve));
    expect([monitor.history === before, monitor.head().step]).toEqual([true, STEPS]);
    await reading;
    expect(monitor.history).not.toBe(before);
    await monitor.close();
  });
});

it("keeps what was read of a run that is deleted, and forgets what was of events that are", async () => {
  const { directory } = await temporaryRun();
  const { events } = runPaths(directory);
  writeFileSync(events, step(1));
  const monitor = await RunMonitor.open(directory);
  const away = join(temporaryFolder(), "away");
  renameSync(directory, away);
  await monitor.refresh();
  expect(monitor.history.loss).toBe(1);
  expect(monitor.head().state).toBe("failed");
  renameSync(away, directory);
  rmSync(events);
  await monitor.refresh();
  expect(monitor.history.loss).toBeNull();
  await monitor.close();
});
