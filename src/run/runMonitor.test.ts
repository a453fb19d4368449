import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runPaths } from "./runDirectory";
import { RunMonitor } from "./runMonitor";
import { temporaryFolder, temporaryRun } from "./testing/testRun";

const step = {
  type: "step",
  step: 1,
  loss: 2,
  learningRate: 1e-3,
  gradientNorm: 1,
  tokens: 9,
  targets: 9,
  seconds: 0.1,
};

it("keeps what was read of a run that is deleted, and forgets what was of events that are", async () => {
  const { directory } = await temporaryRun();
  const { events } = runPaths(directory);
  writeFileSync(events, `${JSON.stringify({ time: 1, attempt: 1, ...step })}\n`);
  const monitor = await RunMonitor.open(directory);
  const away = join(temporaryFolder(), "away");
  renameSync(directory, away);
  await monitor.refresh();
  expect(monitor.history.loss).toBe(2);
  expect(monitor.head().state).toBe("failed");
  renameSync(away, directory);
  rmSync(events);
  await monitor.refresh();
  expect(monitor.history.loss).toBeNull();
  await monitor.close();
});
