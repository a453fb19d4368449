/** Runs that wait for each other: their places, changing them, and their turns, over a reload of the window. */
import { mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stopRun } from "../../src/run/control";
import { findEngine } from "../../src/run/engineBinary";
import { launchEngine } from "../../src/run/launch";
import { addPreparedRun, runRow, saysInTree, showRuns } from "./preparedRun";
import { button, inState, runPanel } from "./runPanel";
import { Workbench } from "./workbench";

describe("the queue of runs", () => {
  let workbench: Workbench;

  const says = (name: string, pattern: RegExp, timeoutMs?: number) => saysInTree(workbench, name, pattern, timeoutMs);
  const queue = () => JSON.parse(readFileSync(join(workbench.workspace, ".tunesmith", "queue.json"), "utf8")).runs;
  const start = (name: string) => workbench.contextMenu(runRow(workbench, name), "Resume Run");

  beforeAll(async () => {
    workbench = await Workbench.start({ name: "queue", writeWorkspace: (folder) => mkdirSync(folder) });
    await addPreparedRun(workbench.workspace, { name: "alpha", steps: 100_000 });
    for (const name of ["beta", "gamma", "delta"]) await addPreparedRun(workbench.workspace, { name, steps: 30 });
  });
  afterAll(() => workbench?.stop());

  it("lets a run wait while another one computes, and says for what", async () => {
    await showRuns(workbench);
    await start("alpha");
    await says("alpha", /%/);
    await start("beta");
    await says("beta", /next: waits for alpha/);
    await start("gamma");
    await says("gamma", /2 in the queue: waits for alpha/);
    await start("delta");
    await says("delta", /3 in the queue/);
    await runRow(workbench, "gamma").click();
    const panel = await runPanel(workbench, "gamma");
    await panel.getByTestId("queue-place").getByText("waits for alpha: 2 of 3 in the queue").waitFor();
    await workbench.screenshotsIn(["light", "contrast", "dark"], "1-waiting");
  });

  it("moves and removes what waits, and keeps the order over a reload", async () => {
    await workbench.contextMenu(runRow(workbench, "delta"), "Move Up in Queue", "2-menu");
    await says("delta", /2 in the queue/);
    await workbench.contextMenu(runRow(workbench, "gamma"), "Remove From Queue");
    await says("gamma", /not started/);
    expect(queue()).toEqual([expect.stringContaining("-beta"), expect.stringContaining("-delta")]);
    await workbench.reload();
    await showRuns(workbench);
    await says("beta", /next: waits for alpha/);
    await says("delta", /2 in the queue/);
  });

  it("starts one now where that is asked for", async () => {
    await workbench.contextMenu(runRow(workbench, "delta"), "Start Now");
    await says("delta", /eval loss/, 120_000);
    await says("beta", /next: waits for alpha/);
    await says("alpha", /%/);
  });

  it("gives the next one its turn when the one before has ended", async () => {
    await runRow(workbench, "beta").click();
    const panel = await runPanel(workbench, "beta");
    await panel.getByTestId("queue-place").waitFor();
    await workbench.contextMenu(runRow(workbench, "alpha"), "Stop Run");
    await says("alpha", /stopped at step/);
    await inState(panel, "finished");
    expect(await panel.getByTestId("queue-place").count()).toBe(0);
    expect(await button(panel, "Use for completion").count()).toBe(1);
    expect(queue()).toEqual([]);
    await workbench.screenshot("3-turn");
  });

  it("lets a run wait for one in another folder, and says where that is", async () => {
    const folder = join(workbench.folder, "elsewhere");
    mkdirSync(folder);
    const other = await addPreparedRun(folder, { name: "omega", steps: 100_000 });
    // As a window on that folder would start it: for the same user, that is with the same state folder.
    process.env.XDG_STATE_HOME = join(workbench.state, "xdg");
    await launchEngine(other, await findEngine({ root: resolve(__dirname, "../..") }));
    await start("gamma");
    await says("gamma", /next: waits for omega in .*elsewhere/);
    await runRow(workbench, "gamma").click();
    const panel = await runPanel(workbench, "gamma");
    await panel.getByTestId("queue-place").getByText(`waits for omega in ${folder}`).waitFor();
    await workbench.screenshotsIn(["light", "dark"], "4-elsewhere");
    await stopRun(other, { forceAfterMs: 60_000 });
    await inState(panel, "finished");
  });
});
