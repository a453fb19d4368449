/** A run that is stopped keeps a checkpoint, and goes on from it; a start can be given up, an engine that hangs be ended. */
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeSampleWorkspace } from "../../scripts/vscode/sample-workspace.mjs";
import { readEngineState } from "../../src/run/engineLock";
import { runPaths, runsFolderOf } from "../../src/run/runDirectory";
import { clearStartMark, markStarting } from "../../src/run/startMark";
import { addPreparedRun, addUnpreparedRun, runRow, saysInTree, showRuns } from "./preparedRun";
import { button, figure, inState, pointsIn, runPanel, setPlan } from "./runPanel";
import { eventually, Workbench } from "./workbench";

describe("stopping and resuming", () => {
  let workbench: Workbench;
  let large: string;

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

  const says = (name: string, pattern: RegExp) => saysInTree(workbench, name, pattern);
  const toast = (text: RegExp) => workbench.page.locator(".notification-toast", { hasText: text });
  const prepares = /(Checking|Tokenizing) rows \d+ %/;

  it("shows how far the data are, gives the start up, and takes it up after a reload", async () => {
    large = await addUnpreparedRun(workbench.workspace, { name: "large", steps: 30 }, 400_000);
    await showRuns(workbench);
    await workbench.contextMenu(runRow(workbench, "large"), "Resume Run");
    await says("large", prepares);
    await runRow(workbench, "large").click();
    const panel = await runPanel(workbench, "large");
    await panel.getByTestId("controls-hint").getByText(prepares).waitFor();
    await workbench.screenshotsInBothThemes("4-preparing");
    await button(panel, "Stop").click();
    await inState(panel, "queued");
    await says("large", /not started/);

    await button(panel, "Start").click();
    await says("large", prepares);
    await workbench.reload();
    await showRuns(workbench);
    await says("large", prepares);
    expect(await toast(/failed/).count()).toBe(0);
    await workbench.screenshot("5-taken-up");
    await workbench.contextMenu(runRow(workbench, "large"), "Stop Run");
    await says("large", /not started/);
  });

  it("says that another program prepares a run, which is not to be stopped from here", async () => {
    await markStarting(large, 0);
    await says("large", /prepared by another window/);
    await runRow(workbench, "large").click();
    const panel = await runPanel(workbench, "large");
    await panel.getByTestId("controls-hint").getByText("Another window or program prepares this run").waitFor();
    expect(await button(panel, "Stop").count()).toBe(0);
    await workbench.contextMenu(runRow(workbench, "large"), "Stop Run");
    await toast(/Another window or program prepares large; stop it there\./).waitFor();
    await workbench.screenshot("6-elsewhere");
    await clearStartMark(large);
    await inState(panel, "queued");
  });

  it("says that an engine is silent, and ends it where it does not stop", async () => {
    const directory = await addPreparedRun(workbench.workspace, { name: "hanging", steps: 100_000 });
    await workbench.contextMenu(runRow(workbench, "hanging"), "Resume Run");
    await runRow(workbench, "hanging").click();
    const panel = await runPanel(workbench, "hanging");
    await eventually(
      "a checkpoint",
      () => workbench.events(basename(directory)).some((event) => event.type === "checkpoint"),
      Boolean,
    );
    process.kill((await readEngineState(directory)).lock!.pid, "SIGSTOP");
    await panel
      .getByTestId("silence")
      .getByText(/silent for \d+ s/)
      .waitFor({ timeout: 60_000 });
    await says("hanging", /silent for \d+ s/);
    await workbench.screenshotsInBothThemes("7-silent");
    await button(panel, "Stop").click();
    const offer = toast(/The engine of hanging does not answer\./);
    await offer.waitFor({ timeout: 60_000 });
    await workbench.screenshot("8-offer");
    await offer.getByRole("button", { name: "End It" }).click();
    await inState(panel, "failed");
    await says("hanging", /the checkpoint of step \d+ is kept/);
    expect(await button(panel, "Resume").count()).toBe(1);
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
