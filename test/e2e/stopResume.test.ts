/** A run that is stopped keeps a checkpoint, and goes on from it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeSampleWorkspace } from "../../scripts/vscode/sample-workspace.mjs";
import { button, figure, inState, pointsIn, runPanel, setPlan } from "./runPanel";
import { eventually, Workbench } from "./workbench";

describe("stopping and resuming", () => {
  let workbench: Workbench;

  beforeAll(async () => {
    workbench = await Workbench.start({
      name: "stop",
      theme: "light",
      writeWorkspace: (folder) => writeSampleWorkspace(folder, { rows: 120 }),
    });
  });
  afterAll(() => workbench?.stop());

  it("keeps a checkpoint when stopped, and resumes from it to the end", async () => {
    // The broken row stays: it is reported, and the run goes without it.
    await workbench.showExplorer();
    await workbench.contextMenu(workbench.explorerRow("functions.jsonl"), "Fine-tune on This Dataset");
    const panel = await runPanel(workbench);
    await button(panel, "Start").waitFor();
    await panel.getByTestId("skipped").waitFor();
    expect(await figure(panel, "skipped-rows")).toBe(1);
    await workbench.screenshot("1-plan-with-skipped-row");
    await setPlan(panel, { epochs: 4, sequencesPerStep: 1, sequenceLength: 256 });
    await button(panel, "Start").click();
    await eventually(
      "points in the curve",
      () => pointsIn(panel),
      (count) => count >= 5,
      60_000,
    );
    await button(panel, "Stop").click();
    await inState(panel, "stopped");
    await workbench.screenshotsInBothThemes("2-stopped");

    const [run] = workbench.runs();
    const stopped = workbench.events(run!);
    const done = stopped.findLast((event) => event.type === "done")!;
    expect(done.reason).toBe("stopped");
    const checkpoint = stopped.findLast((event) => event.type === "checkpoint")!;
    expect(checkpoint.step).toBe(done.step);
    expect(done.step!).toBeGreaterThan(0);

    await button(panel, "Resume").click();
    await inState(panel, "finished");
    const events = workbench.events(run!);
    const second = events.filter((event) => event.attempt === 2);
    expect(second[0]).toMatchObject({ type: "start", resumedFrom: done.step });
    const finished = events.findLast((event) => event.type === "done")!;
    expect(finished.reason).toBe("finished");
    expect(await pointsIn(panel)).toBe(finished.totalSteps);
    await workbench.screenshot("3-finished");
  });
});
