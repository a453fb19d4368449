/** SIGKILL of the process that runs extensions, alone and with the engine: what is shown is true, and nothing is lost. */
import { mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Frame } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findEngine } from "../../src/run/engineBinary";
import { readEngineState } from "../../src/run/engineLock";
import { launchEngine } from "../../src/run/launch";
import { runPaths } from "../../src/run/runDirectory";
import { readSnapshot } from "../../src/run/runMonitor";
import { killExtensionHost } from "./extensionHost";
import { addPreparedRun, runRow, showRuns } from "./preparedRun";
import { button, inState, pointsIn, runPanel } from "./runPanel";
import { eventually, Workbench } from "./workbench";

/** Of each kind. */
const KILLS = 2;
/** Enough for the run to be still under way whenever VS Code is there again. */
const STEPS = 100 + KILLS * 250;
/** A kill comes so long after the run was seen or started, at most. */
const WITHIN_MS = 3000;

const saysInTree = { running: /%/, failed: /ended unexpectedly/ };

describe("killing the extension host in the middle of a run", () => {
  let workbench: Workbench;
  let directory: string;
  let undisturbed: string;
  let panel: Frame;
  let seed = 12345;

  /** The same moments in every test run. */
  const random = () => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return seed / 2 ** 31;
  };
  const sometime = () => workbench.page.waitForTimeout(random() * WITHIN_MS);
  const adapterOf = (run: string) => readFileSync(join(runPaths(run).adapter, "adapter_model.safetensors"));
  const lossesOf = async (run: string) => (await readSnapshot(run)).curve.loss;
  const engineLives = async () => (await readEngineState(directory)).alive;

  /** A new page, whose host remembers nothing: first the tree, then the panel has to be right in time. */
  const reopensAs = async (state: "running" | "failed") => {
    await workbench.reload();
    const opened = Date.now();
    await showRuns(workbench);
    await eventually(
      `${state} in the tree`,
      () => runRow(workbench, "killed").textContent(),
      (text) => saysInTree[state].test(text ?? ""),
    );
    const listed = Date.now();
    await runRow(workbench, "killed").click();
    panel = await runPanel(workbench, "killed");
    await inState(panel, state);
    console.log(`${state}: in the tree after ${listed - opened} ms, in the panel after ${Date.now() - listed} ms more`);
  };

  const killEngine = async () => {
    const { alive, lock } = await readEngineState(directory);
    if (alive) process.kill(lock.pid, "SIGKILL");
  };

  beforeAll(async () => {
    workbench = await Workbench.start({ name: "killedHost", writeWorkspace: (folder) => mkdirSync(folder) });
    const sketch = { name: "killed", steps: STEPS, checkpointEvery: 100, evalEvery: 500 };
    directory = await addPreparedRun(workbench.workspace, sketch);
    const elsewhere = join(workbench.folder, "elsewhere");
    mkdirSync(elsewhere);
    undisturbed = await addPreparedRun(elsewhere, { ...sketch, name: "undisturbed" });
  });
  afterAll(() => workbench?.stop());

  it(`lets the run go on, and shows that, ${KILLS} times`, async () => {
    await showRuns(workbench);
    await workbench.contextMenu(runRow(workbench, "killed"), "Resume Run");
    await runRow(workbench, "killed").click();
    panel = await runPanel(workbench, "killed");
    await inState(panel, "running");
    for (let kill = 0; kill < KILLS; kill++) {
      await sometime();
      const before = (await lossesOf(directory)).length;
      killExtensionHost(workbench);
      await reopensAs("running");
      await eventually(
        "points after the kill",
        () => pointsIn(panel),
        (points) => points > before,
      );
      expect(await engineLives()).toBe(true);
    }
    await workbench.screenshot("1-goes-on");
  });

  it(`says that the run has failed where the engine died as well, and resumes it, ${KILLS} times`, async () => {
    for (let kill = 0; kill < KILLS; kill++) {
      await sometime();
      killExtensionHost(workbench);
      await killEngine();
      await reopensAs("failed");
      if (kill === 0) await workbench.screenshotsIn(["light", "contrast", "dark"], "2-failed");
      await button(panel, "Resume").click();
      // Some kills come before the engine has taken its first step.
      if (random() < 0.5) await inState(panel, "running");
    }
  });

  it("comes to the very adapter of a run that nobody disturbed, every step once", async () => {
    await inState(panel, "finished");
    await launchEngine(undisturbed, await findEngine({ root: resolve(__dirname, "../..") }));
    await eventually(
      "the undisturbed run",
      async () => (await readSnapshot(undisturbed)).state,
      (state) => state === "finished",
      600_000,
    );
    const losses = await lossesOf(directory);
    expect(losses.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, index) => index + 1));
    expect(losses).toEqual(await lossesOf(undisturbed));
    expect(await pointsIn(panel)).toBe(STEPS);
    expect(adapterOf(directory).equals(adapterOf(undisturbed))).toBe(true);
  });
});
