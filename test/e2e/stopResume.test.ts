/** A run that is stopped keeps a checkpoint, and goes on from it. */
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeSampleWorkspace } from "../../scripts/vscode/sample-workspace.mjs";
import { runPaths, runsFolderOf } from "../../src/run/runDirectory";
import { addPreparedRun, showRuns } from "./preparedRun";
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

describe("a project and its copy in one workspace", () => {
  let workbench: Workbench;
  let directories: string[];

  const rows = () =>
    workbench.page
      .locator(".pane", { hasText: "Runs" })
      .locator(".monaco-list-row", { has: workbench.page.locator(".label-name", { hasText: /^answers$/ }) });
  const dialog = () => workbench.page.locator(".monaco-dialog-box");
  const begun = () => directories.map((directory) => existsSync(runPaths(directory).events));

  /** What Delete Run would delete; the question is answered with `answer`. */
  async function asked(row: number, answer: string): Promise<string> {
    await workbench.contextMenu(rows().nth(row), "Delete Run");
    const text = (await dialog().getByText("Its checkpoints and its tuned model").textContent()) ?? "";
    await dialog().getByRole("button", { name: answer }).click();
    await dialog().waitFor({ state: "detached" });
    return text.slice(text.indexOf("/"));
  }

  beforeAll(async () => {
    workbench = await Workbench.start({
      name: "copy",
      besides: ["copy"],
      writeWorkspace: (folder) => {
        mkdirSync(folder);
        mkdirSync(join(dirname(folder), "copy"));
      },
    });
    const directory = await addPreparedRun(workbench.workspace, { name: "answers", steps: 20 });
    const copy = join(dirname(workbench.workspace), "copy");
    cpSync(workbench.workspace, copy, { recursive: true });
    directories = [directory, join(runsFolderOf(copy), basename(directory))];
  });
  afterAll(() => workbench?.stop());

  it("lets the one go on that was chosen", async () => {
    await showRuns(workbench);
    await eventually(
      "both runs",
      () => rows().count(),
      (count) => count === 2,
    );
    const shown = [await asked(0, "Cancel"), await asked(1, "Cancel")];
    expect([...shown].sort()).toEqual([...directories].sort());
    await workbench.screenshot("1-two");
    await rows().nth(1).click();
    const panel = await runPanel(workbench, "answers");
    await button(panel, "Start").click();
    await inState(panel, "finished");
    expect(begun()).toEqual(directories.map((directory) => directory === shown[1]));
    expect(await asked(0, "Delete")).toBe(shown[0]);
    await eventually(
      "the run that is left",
      () => directories.filter((directory) => existsSync(directory)),
      (left) => left.length === 1 && left[0] === shown[1],
    );
  });
});
