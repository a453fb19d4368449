/** Windows that are reloaded in the middle of a run: no event is lost or doubled. */
import { mkdirSync } from "node:fs";
import { basename } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addPreparedRun, runRow, showRuns } from "./preparedRun";
import { inState, pointsIn, runPanel } from "./runPanel";
import { eventually, Workbench } from "./workbench";

/** So many are enough to find out that something is wrong; 50 take ten minutes. */
const RELOADS = 4;

describe("reloading the window during a run", () => {
  let workbench: Workbench;
  let directory: string;

  /** VS Code keeps which editors are open a moment after they were: a page that was lost is opened again. */
  const reopened = async () => {
    await showRuns(workbench);
    await runRow(workbench, "steady").click();
    return runPanel(workbench, "steady");
  };
  const steps = () => workbench.events(basename(directory)).filter((event) => event.type === "step");

  beforeAll(async () => {
    workbench = await Workbench.start({ name: "reload", writeWorkspace: (folder) => mkdirSync(folder) });
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
    for (let reload = 0; reload < RELOADS; reload++) {
      const before = steps().length;
      await workbench.reload();
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
});
