/** Windows that are reloaded in the middle of a run, beside many long ones: no event is lost or doubled. */
import { spawn } from "node:child_process";
import { appendFileSync, copyFileSync, linkSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stepEvent, writeLongRun } from "../../bench/data/longRun";
import { parseStat } from "../../src/run/processIdentity";
import { runPaths } from "../../src/run/runDirectory";
import { clearStartMark } from "../../src/run/startMark";
import { addPreparedRun, runRow, showRuns } from "./preparedRun";
import { inState, pointsIn, runPanel } from "./runPanel";
import { eventually, Workbench } from "./workbench";

/** So many are enough to find out that something is wrong; 50 take ten minutes. */
const RELOADS = 4;
const LONG_STEPS = 100_000;
/** More than are watched once they have ended. */
const LONG_RUNS = 22;

const longName = (index: number) => `long ${String(index).padStart(2, "0")}`;
const event = (fields: object) => `${JSON.stringify({ type: "", time: Date.now(), attempt: 1, ...fields })}\n`;

/** Stopped runs of 100,000 steps, of the last year; the directory of the oldest. The disk holds the others' events once. */
async function writeLongRuns(workspace: string): Promise<string> {
  const first = await writeLongRun(workspace, LONG_STEPS);
  await clearStartMark(first);
  const losses = { evalLossBefore: 3, evalLossAfter: 1.5 };
  const end = { reason: "stopped", step: LONG_STEPS, totalSteps: LONG_STEPS * 2, tokens: 1, seconds: 1, ...losses };
  appendFileSync(runPaths(first).events, event({ type: "done", ...end }));
  const spec = JSON.parse(readFileSync(runPaths(first).spec, "utf8"));
  const directoryOf = (index: number) => join(dirname(first), `20251001-0000${String(index).padStart(2, "0")}-long`);
  const describe = (directory: string, index: number) =>
    writeFileSync(
      runPaths(directory).spec,
      JSON.stringify({ ...spec, id: basename(directory), name: longName(index) }),
    );
  for (let index = 1; index < LONG_RUNS; index++) {
    mkdirSync(directoryOf(index));
    describe(directoryOf(index), index);
    // The first is written to, so it has its events for itself.
    if (index === 1) copyFileSync(runPaths(first).events, runPaths(directoryOf(1)).events);
    else linkSync(runPaths(directoryOf(1)).events, runPaths(directoryOf(index)).events);
  }
  describe(first, 0);
  renameSync(first, directoryOf(0));
  return directoryOf(0);
}

/** Another program lets the run go on: its engine, which is anything that lives, has begun its second attempt. */
function goOnElsewhere(directory: string): void {
  const pid = spawn("sleep", ["600"], { stdio: "ignore" }).pid!;
  const { startTicks } = parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"))!;
  const lock = { pid, startTicks, host: hostname(), attempt: 2, heartbeat: Date.now() };
  writeFileSync(runPaths(directory).lock, JSON.stringify(lock));
  const place = { resumedFrom: LONG_STEPS, totalSteps: LONG_STEPS * 2 };
  const start = { type: "start", engine: "x", pid, device: "cpu", threads: 1, ...place };
  appendFileSync(runPaths(directory).events, event({ ...start, attempt: 2 }));
}

describe("reloading the window during a run", () => {
  let workbench: Workbench;
  let directory: string;
  let oldest: string;

  /** VS Code keeps which editors are open a moment after they were: a page that was lost is opened again. */
  const reopened = async () => {
    await showRuns(workbench);
    await runRow(workbench, "steady").click();
    // While the list is still being laid out a row may move away under the pointer.
    return runPanel(workbench, "steady", 10_000).catch(async () => {
      await runRow(workbench, "steady").click();
      return runPanel(workbench, "steady");
    });
  };
  const steps = () => workbench.events(basename(directory)).filter((event) => event.type === "step");

  beforeAll(async () => {
    workbench = await Workbench.start({ name: "reload", writeWorkspace: (folder) => mkdirSync(folder) });
    oldest = await writeLongRuns(workbench.workspace);
    directory = await addPreparedRun(workbench.workspace, {
      name: "steady",
      steps: 100_000,
      checkpointEvery: 200,
      evalEvery: 500,
    });
  });
  afterAll(() => workbench?.stop());

  it(`shows every point once after each of ${RELOADS} reloads`, async () => {
    await showRuns(workbench);
    await workbench.contextMenu(runRow(workbench, "steady"), "Resume Run");
    await runRow(workbench, "steady").click();
    await inState(await runPanel(workbench, "steady"), "running");
    const slow: number[] = [];
    const listed: number[] = [];
    for (let reload = 0; reload < RELOADS; reload++) {
      const before = steps().length;
      await workbench.reload();
      const reloaded = Date.now();
      await showRuns(workbench);
      const row = runRow(workbench, longName(LONG_RUNS - 1));
      await row.filter({ hasText: "stopped at step 100,000 of 200,000" }).waitFor();
      await runRow(workbench, "steady").filter({ hasText: "%" }).waitFor();
      listed.push(Date.now() - reloaded);
      const panel = await reopened();
      const opened = Date.now();
      await inState(panel, "running");
      slow.push(Date.now() - opened);
      // All that was there before, and what has come since: the curve catches up with a file that grows.
      await eventually(
        "points after the reload",
        () => pointsIn(panel),
        (points) => points > before,
      );
    }
    console.log(`The runs were listed ${Math.max(...listed)} ms after the window was there, at the latest.`);
    console.log(`The true state was shown ${Math.max(...slow)} ms after the page was open, at the latest.`);
    await workbench.screenshot("1-after-reloads");
    await showRuns(workbench);
    await workbench.contextMenu(runRow(workbench, "steady"), "Stop Run");
    const panel = await reopened();
    await inState(panel, "stopped");
    const told = steps().map(({ step }) => step);
    expect(told).toEqual(Array.from({ length: told.length }, (_, index) => index + 1));
    await eventually(
      "points in the end",
      () => pointsIn(panel),
      (points) => points === told.length,
    );
    await workbench.reload();
    const again = await reopened();
    await eventually(
      "points after the last reload",
      () => pointsIn(again),
      (points) => points === told.length,
    );
  });

  it("shows in the panel of an old run that another program lets it go on", async () => {
    await workbench.command("View: Close All Editors");
    await workbench.command("Tunesmith: Open Run Panel");
    const { page } = workbench;
    // Of a long list what is out of sight is not there: it is looked for by its name.
    await page.locator('.quick-input-widget:visible input[placeholder^="Choose a run to open"]').fill(longName(0));
    await page
      .locator(".quick-input-list .monaco-list-row", { hasText: longName(0) })
      .first()
      .click();
    const panel = await runPanel(workbench, longName(0));
    await inState(panel, "stopped");
    const points = (wanted: number) =>
      eventually(
        "points of the old run",
        () => pointsIn(panel),
        (shown) => shown === wanted,
      );
    await points(LONG_STEPS);
    await workbench.screenshotsInBothThemes("2-old-run");
    goOnElsewhere(oldest);
    await inState(panel, "running");
    const next = stepEvent(LONG_STEPS + 1, Date.now());
    appendFileSync(runPaths(oldest).events, event({ ...next, attempt: 2 }));
    await points(LONG_STEPS + 1);
    await workbench.screenshot("3-goes-on");
  });
});
