/** Data, run, completion: what a user does from opening a folder to code completed by the tuned model. */
import type { Frame } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BROKEN_ROW, PYTHON_FILE, writeSampleWorkspace } from "../../scripts/vscode/sample-workspace.mjs";
import { button, figure, inState, pointsIn, RUN_MS, runPanel, setPlan } from "./runPanel";
import { eventually, TUNESMITH_ICON, Workbench } from "./workbench";

const DATASET = "functions.jsonl";
const ghostText = ".ghost-text-decoration, .ghost-text-decoration-preview, .ghost-text";

describe("the whole way in the packaged extension", () => {
  let workbench: Workbench;
  let panel: Frame;

  beforeAll(async () => {
    workbench = await Workbench.start({ name: "story", writeWorkspace: writeSampleWorkspace });
  });
  afterAll(() => workbench?.stop());

  it("opens a folder and sees a squiggle on the broken row", async () => {
    await workbench.openFile(DATASET);
    await workbench.page.locator(".squiggly-error").first().waitFor();
    await workbench.command("View: Focus Problems");
    const rows = workbench.page.locator(".markers-panel .monaco-list-row", { hasText: `Ln ${BROKEN_ROW}` });
    await rows.first().waitFor();
    expect(await rows.count()).toBe(1);
    await workbench.goToLineEnd(BROKEN_ROW);
    await workbench.screenshotsInBothThemes("1-squiggle");
  });

  it("mends the row by typing, and the squiggle goes away", async () => {
    await workbench.command("View: Hide Panel");
    await workbench.goToLineEnd(BROKEN_ROW);
    await workbench.page.keyboard.type("}");
    await workbench.page.locator(".squiggly-error").first().waitFor({ state: "detached" });
    await workbench.save();
    const lines = workbench.read(DATASET).trimEnd().split("\n");
    for (const line of lines) JSON.parse(line);
    expect(lines).toHaveLength(300);
  });

  it("opens the plan from the context menu, with a summary of the data", async () => {
    await workbench.contextMenu(workbench.explorerRow(DATASET), "Fine-tune on This Dataset", "2-context-menu");
    panel = await runPanel(workbench);
    await panel.getByTestId("train-rows").waitFor();
    expect((await figure(panel, "train-rows")) + (await figure(panel, "eval-rows"))).toBe(300);
    expect(await figure(panel, "skipped-rows")).toBe(0);
    expect(await button(panel, "Start").isEnabled()).toBe(true);
    await workbench.screenshotsInBothThemes("3-plan");
    await setPlan(panel, { epochs: 2, sequencesPerStep: 1, sequenceLength: 256 });
    await workbench.screenshotsInBothThemes("4-plan-settings");
  });

  it("starts, and the curve moves", async () => {
    await button(panel, "Start").click();
    const first = await eventually(
      "points in the curve",
      () => pointsIn(panel),
      (count) => count > 0,
      60_000,
    );
    await eventually(
      "more points in the curve",
      () => pointsIn(panel),
      (count) => count > first + 3,
    );
    await workbench.screenshotsInBothThemes("5-live");
  });

  it("reloads the window in mid-run, and the panel goes on without losing a point", async () => {
    const [run] = workbench.runs();
    const before = await pointsIn(panel);
    await workbench.reload();
    panel = await runPanel(workbench, "functions");
    await eventually(
      "the points from before the reload",
      () => pointsIn(panel),
      (count) => count >= before,
    );
    expect(workbench.events(run!).some((event) => event.type === "done")).toBe(false);
    await workbench.screenshot("6-after-reload");
  });

  it("finishes with every step in the curve and the loss before and after", async () => {
    const [run] = workbench.runs();
    await inState(panel, "finished");
    const events = workbench.events(run!);
    const done = events.find((event) => event.type === "done")!;
    expect(done.reason).toBe("finished");
    const steps = new Set(events.filter((event) => event.type === "step").map((event) => event.step));
    expect(steps.size).toBe(done.totalSteps);
    expect(await pointsIn(panel)).toBe(steps.size);
    expect(done.evalLossAfter as number).toBeLessThan(done.evalLossBefore as number);
    // One attempt: the reload did not touch the engine.
    expect(new Set(events.map((event) => event.attempt))).toEqual(new Set([1]));
    await workbench.screenshotsInBothThemes("7-done");
  });

  it("lists the run in the side bar", async () => {
    await workbench.page.locator(TUNESMITH_ICON).click();
    await workbench.page
      .locator(".pane", { hasText: "Runs" })
      .locator(".monaco-list-row", { hasText: "functions" })
      .first()
      .waitFor();
    const now = await workbench.webview("[data-view='now']");
    await button(now, "Use for completion").waitFor();
    await workbench.screenshotsInBothThemes("8-side-bar");
    await workbench.showExplorer();
  });

  it("uses the model for completion", async () => {
    await button(panel, "Use for completion").click();
    await panel.getByTestId("in-use").waitFor({ timeout: RUN_MS });
    await workbench.screenshotsInBothThemes("9-in-use");
  });

  it("types Python, sees ghost text, takes it with Tab, and finds it on disk", async () => {
    await workbench.openFile("shop.py");
    await workbench.goToLineEnd(PYTHON_FILE.split("\n").length);
    const written = "\n\ndef smallest_price(prices):\n";
    await workbench.page.keyboard.type(written, { delay: 30 });
    const ghost = workbench.page.locator(ghostText).filter({ visible: true });
    const lines = async () =>
      (await ghost.allTextContents())
        .map((text) => text.replaceAll("\u00a0", " ").trim())
        .filter((text) => text !== "");
    await eventually("ghost text", lines, (found) => found.length > 0, 60_000);
    await workbench.screenshot("10-ghost-text");
    const [offered] = await eventually("ghost text", lines, (found) => found.length > 0);
    await workbench.page.keyboard.press("Tab");
    await workbench.page.locator(".view-line", { hasText: offered! }).first().waitFor();
    await workbench.save();
    await workbench.screenshot("11-accepted");
    const text = workbench.read("shop.py");
    expect(text.startsWith(PYTHON_FILE)).toBe(true);
    const added = text.slice(PYTHON_FILE.length);
    expect(added).toContain("def smallest_price(prices):\n    ");
    expect(added.slice(added.indexOf(":\n") + 2)).toContain(offered!);
  });
});
