/** A run while it goes on: its curves, their marks and figures, and what can be asked of it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Frame } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeSampleWorkspace } from "../../scripts/vscode/sample-workspace.mjs";
import { acceptPath } from "./editor";
import { button, inState, pointsIn, runPanel, setPlan } from "./runPanel";
import { eventually, type Theme, Workbench } from "./workbench";

const RATE = 0.0005;
const everyTheme: readonly Theme[] = ["contrast", "contrast-light", "light", "dark"];

/** What VS Code in a browser keeps of a workspace, as one text; it writes about once a minute. */
function savedState({ page }: Workbench): Promise<string> {
  return page.evaluate<string>(`(async () => {
    const rows = [];
    for (const { name } of await indexedDB.databases()) {
      if (!name.startsWith("vscode-web-state-db-")) continue;
      const opened = await new Promise((done, fail) => {
        const request = indexedDB.open(name);
        request.onsuccess = () => done(request.result);
        request.onerror = () => fail(request.error);
      });
      for (const table of opened.objectStoreNames) {
        rows.push(...await new Promise((done, fail) => {
          const request = opened.transaction(table).objectStore(table).getAll();
          request.onsuccess = () => done(request.result);
          request.onerror = () => fail(request.error);
        }));
      }
      opened.close();
    }
    return rows.join("\\n");
  })()`);
}

describe("the live panel", () => {
  let workbench: Workbench;
  let panel: Frame;

  beforeAll(async () => {
    workbench = await Workbench.start({
      name: "live",
      writeWorkspace: (folder) => writeSampleWorkspace(folder, { rows: 120 }),
    });
    await workbench.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  });
  afterAll(() => workbench?.stop());

  const events = (type: string) => workbench.events(workbench.runs()[0]!).filter((event) => event.type === type);
  const eventOf = (type: string, count = 1) =>
    eventually(
      `events ${type}`,
      () => events(type),
      (found) => found.length >= count,
      120_000,
    );
  const legend = (name: string) => panel.getByTestId("legend").getByText(name, { exact: true });
  const chart = () => panel.getByTestId("loss-curve");
  const zoom = () => panel.locator("section.curve").getAttribute("data-zoom");
  const points = (name: string) => panel.getByTestId(`curve-${name}`).getAttribute("data-points").then(Number);

  it("draws every series as the steps come", async () => {
    await workbench.showExplorer();
    await workbench.contextMenu(workbench.explorerRow("functions.jsonl"), "Fine-tune on This Dataset");
    panel = await runPanel(workbench);
    await button(panel, "Start").waitFor();
    await setPlan(panel, { epochs: 3, sequencesPerStep: 1, sequenceLength: 256 });
    await button(panel, "Start").click();
    await eventually(
      "points in the curve",
      () => pointsIn(panel),
      (count) => count >= 5,
      120_000,
    );
    for (const name of ["learningRate", "gradientNorm", "tokensPerSecond"]) {
      expect(await points(name), name).toBeGreaterThanOrEqual(5);
    }
    expect(await points("memory")).toBeGreaterThanOrEqual(1);
    expect(await panel.getByTestId("memory").textContent()).toMatch(/[MG]B$/);
    await workbench.screenshot("1-running");
  });

  it("pauses and goes on", async () => {
    await button(panel, "Pause").click();
    await inState(panel, "paused");
    const [paused] = await eventOf("paused");
    await legend("paused").waitFor();
    await eventually(
      "points up to the pause",
      () => pointsIn(panel),
      (count) => count === paused!.step,
    );
    await workbench.screenshot("2-paused");
    // Both write the checkpoint of the same step.
    for (const count of [1, 2]) {
      const before = events("checkpoint").length;
      await button(panel, "Checkpoint now").click();
      await eventOf("checkpoint", before + 1);
      await button(panel, "Checkpoint now").waitFor();
      if (count === 2)
        expect(
          events("checkpoint")
            .slice(-2)
            .map(({ step }) => step),
        ).toEqual([paused!.step, paused!.step]);
    }
    await button(panel, "Continue").click();
    await inState(panel, "running");
    await legend("continued").waitFor();
    await eventually(
      "steps after the pause",
      () => pointsIn(panel),
      (count) => count > paused!.step!,
      60_000,
    );
  });

  it("writes a checkpoint when it is asked to", async () => {
    const before = events("checkpoint").length;
    await button(panel, "Checkpoint now").click();
    await eventOf("checkpoint", before + 1);
    await legend("checkpoint").waitFor();
    await button(panel, "Checkpoint now").waitFor();
  });

  it("changes the learning rate within its range", async () => {
    await button(panel, "Change learning rate…").click();
    const field = panel.getByTestId("learning-rate").locator("input");
    await field.fill("7");
    await panel.getByText("The learning rate must be a number between 1e-8 and 1.").waitFor();
    await panel.getByTestId("set-learning-rate").click();
    await field.fill(String(RATE));
    await workbench.screenshot("3-learning-rate");
    await field.press("Enter");
    const changes = await eventOf("learning-rate");
    expect(await panel.getByTestId("learning-rate-form").isHidden()).toBe(true);
    expect(changes.map(({ learningRate }) => learningRate)).toEqual([RATE]);
    await legend("learning rate changed").waitFor();
  });

  it("is read and zoomed by keyboard, on both scales", async () => {
    await panel.getByTestId("log-scale").click();
    await eventually(
      "scale",
      () => chart().getAttribute("data-scale"),
      (scale) => scale === "log",
    );
    await chart().focus();
    await chart().press("Home");
    await chart().press("ArrowRight");
    expect(await panel.getByTestId("readout").textContent()).toMatch(/^Step [1-9][0-9]* · loss \d/);
    expect(await panel.getByTestId("value-learningRate").textContent()).toMatch(/^\d/);
    await chart().press("+");
    expect(await zoom()).toMatch(/^\d+-\d+$/);
    await workbench.screenshotsIn(everyTheme, "4-zoomed-log");
    await button(panel, "Show all steps").click();
    expect(await zoom()).toBe("");
    await panel.getByTestId("log-scale").click();
  });

  it("has a table behind it and hands its figures on", async () => {
    await panel.getByTestId("curve-table").locator("summary").click();
    const table = panel.getByTestId("curve-table");
    expect(await table.locator("thead th").allTextContents()).toEqual(
      expect.arrayContaining(["Step", "Loss", "Eval loss", "Learning rate", "Gradient norm", "Tokens/s"]),
    );
    expect(await table.locator("tbody tr").count()).toBeGreaterThan(3);
    await table.locator("summary").click();
    await panel.getByTestId("copy-csv").click();
    await panel.getByTestId("copied").getByText("rows are copied").waitFor();
    const csv = await workbench.page.evaluate<string>("navigator.clipboard.readText()");
    const [header, ...rows] = csv.trimEnd().split("\n");
    expect(header).toMatch(/^step,loss,eval_loss,/);
    expect(rows.length).toBeGreaterThan(5);
    await panel.getByTestId("copy-png").click();
    await panel.getByTestId("copied").getByText("The picture is copied.").waitFor();
  });

  it("saves the picture as a file where the clipboard takes none", async () => {
    // What is not granted is refused.
    await workbench.page.context().clearPermissions();
    await workbench.page.context().grantPermissions(["clipboard-read"]);
    for (const theme of ["light", "contrast", "dark"] as const) {
      await workbench.setTheme(theme);
      await panel.getByTestId("copy-png").click();
      await workbench.dialogField();
      await workbench.screenshot(`5-save-picture-${theme}`);
      if (theme !== "dark") await workbench.dismissDialog();
    }
    const name = `${workbench.runs()[0]}.png`;
    await acceptPath(workbench, name);
    await panel.getByTestId("copied").getByText(`Saved in ${name}.`).waitFor();
    await workbench.screenshot("5-saved-picture");
    const saved = readFileSync(join(workbench.workspace, name));
    expect(saved.subarray(1, 4).toString("latin1")).toBe("PNG");
    expect(saved.length).toBeGreaterThan(10_000);
  });

  it("shows all of the run when it is over, and what can be done with it, without a message besides", async () => {
    await inState(panel, "finished");
    const done = events("done").at(-1)!;
    await eventually(
      "points of all steps",
      () => pointsIn(panel),
      (count) => count === done.totalSteps,
    );
    for (const name of ["Compare…", "Export…", "Run again with changes"]) await button(panel, name).waitFor();
    const told = join(workbench.workspace, ".tunesmith", "runs", workbench.runs()[0]!, "told", "finished-1");
    await eventually("what was told", () => existsSync(told), Boolean);
    await workbench.screenshotsIn(everyTheme, "6-finished");
    expect(await workbench.page.locator(".notification-toast", { hasText: "has finished" }).count()).toBe(0);
  });

  it("reads any step on a chart of few readings, and lists the rows of the one that is clicked", async () => {
    const totalSteps = Number(events("done").at(-1)!.totalSteps);
    const over = (chartId: string) => panel.getByTestId(chartId).locator(".u-over");
    const { width, height } = (await over("curve-memory").boundingBox())!;
    const middle = { x: width / 2, y: height / 2 };
    await over("curve-memory").hover({ position: middle });
    const half = Math.round(totalSteps / 2);
    const step = await eventually(
      "a step in the middle",
      async () => Number(/^Step (\d+)/.exec((await panel.getByTestId("readout").textContent())!)?.[1]),
      (shown) => Math.abs(shown - half) <= 1,
    );
    await workbench.screenshot("6-memory-read");
    await over("curve-memory").click({ position: middle });
    await panel.getByTestId("step-row-table").waitFor();
    expect(await panel.getByTestId("rows-step").inputValue()).toBe(String(step));
    await over("loss-curve").click({ position: { x: 2, y: 20 } });
    await panel.getByTestId("no-step-rows").waitFor();
    expect(await panel.getByTestId("rows-step").inputValue()).toBe(String(step));
    await workbench.screenshotsIn(["light", "dark"], "6-step-0");
  });

  it("comes back after a reload with the scale and smoothing that were chosen", async () => {
    await panel.getByTestId("smoothing").fill("7");
    await panel.getByTestId("log-scale").check();
    await eventually(
      "what VS Code has saved",
      () => savedState(workbench),
      (saved) => /\\"logarithmic\\*":true/.test(saved) && /\\"smoothing\\*":7/.test(saved),
      150_000,
    );
    await workbench.reload();
    panel = await runPanel(workbench, "functions");
    await eventually(
      "scale",
      () => chart().getAttribute("data-scale"),
      (scale) => scale === "log",
    );
    expect(await panel.getByTestId("log-scale").isChecked()).toBe(true);
    expect(await panel.getByTestId("smoothing").inputValue()).toBe("7");
    await workbench.screenshotsIn(["light", "contrast", "dark"], "7-restored");
  });
});
