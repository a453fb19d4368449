/** Runs compared, renamed, tagged, noted on and searched for, from run directories as the engine leaves them. */
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Frame } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EngineEvent } from "../../src/protocol/engine";
import type { RunSpec } from "../../src/protocol/run";
import { defaultHeldOut, defaultSettings } from "../../src/run/runSpec";
import { toast } from "./editor";
import { button, runPanel } from "./runPanel";
import { eventually, TUNESMITH_ICON, Workbench } from "./workbench";

const HTML = "<img src=x onerror=\"document.title='pwned'\">";
const LONG_RUN = 100_000;

interface RunSketch {
  id: string;
  name: string;
  steps: number;
  totalSteps?: number;
  learningRate: number;
  finalLoss: number;
  finished?: boolean;
}

const sketches: RunSketch[] = [
  { id: "20261120-100000-base", name: "Baseline", steps: 400, learningRate: 1e-3, finalLoss: 1.3, finished: true },
  { id: "20261121-100000-slow", name: "Lower rate", steps: 400, learningRate: 2e-4, finalLoss: 1.6, finished: true },
  { id: "20261122-100000-html", name: HTML, steps: 300, learningRate: 5e-3, finalLoss: 2.1, finished: true },
  { id: "20261123-100000-live", name: "Going on", steps: 100, totalSteps: 600, learningRate: 5e-4, finalLoss: 1.9 },
  { id: "20261124-100000-long", name: "Long", steps: LONG_RUN, learningRate: 1e-4, finalLoss: 0.9, finished: true },
];
const LIVE = sketches[3]!.id;

function specOf({ id, name, learningRate }: RunSketch, workspace: string): RunSpec {
  const settings = defaultSettings();
  return {
    version: 1,
    id,
    name,
    createdAt: "2026-11-20T10:00:00.000Z",
    model: { path: "/models/tiny-python", quantization: "none" },
    dataset: {
      path: join(workspace, "shop.jsonl"),
      format: "auto",
      template: "auto",
      heldOut: defaultHeldOut,
      maxTrainRows: null,
      maxEvalRows: null,
    },
    ...settings,
    optimizer: { ...settings.optimizer, learningRate },
  };
}

const lossAt = (step: number, { finalLoss }: RunSketch) =>
  finalLoss + 2.2 * Math.exp(-step / 80) + 0.12 * Math.abs(Math.sin(step * 12.9898));

function eventsOf(sketch: RunSketch): EngineEvent[] {
  const { steps, finalLoss, learningRate, totalSteps = steps } = sketch;
  const head = { time: 1_795_000_000_000, attempt: 1 };
  const events: EngineEvent[] = [
    {
      ...head,
      type: "start",
      engine: "0.1.0",
      pid: 1,
      device: "cuda:0",
      deviceName: `NVIDIA ${HTML}`,
      threads: 1,
      resumedFrom: 0,
      totalSteps,
    },
    { ...head, type: "memory", usedBytes: 12 * 2 ** 30, forecastBytes: 12 * 2 ** 30 },
    { ...head, type: "eval", step: 0, loss: finalLoss + 2.3, targets: 900 },
  ];
  const every = Math.ceil(totalSteps / 8);
  for (let step = 1; step <= steps; step++) {
    events.push(stepEvent(step, sketch));
    if (step % every === 0)
      events.push({ ...head, type: "eval", step, loss: lossAt(step, sketch) + 0.1, targets: 900 });
  }
  if (sketch.finished) {
    const [evalLossBefore, evalLossAfter] = [finalLoss + 2.3, finalLoss + 0.1];
    const tokens = steps * 4096;
    events.push({
      ...head,
      type: "done",
      reason: "finished",
      step: steps,
      totalSteps,
      evalLossBefore,
      evalLossAfter,
      tokens,
      seconds: steps * 0.4,
    });
  }
  return events;

  function stepEvent(step: number, run: RunSketch): EngineEvent {
    const loss = lossAt(step, run);
    return {
      ...head,
      type: "step",
      step,
      loss,
      learningRate,
      gradientNorm: 1,
      tokens: 4096,
      targets: 2000,
      seconds: 0.4,
    };
  }
}

/** Stands for an engine at work; the workbench ends it with the engines. */
function writeLock(folder: string): void {
  const pid = spawn("sleep", ["600"], { stdio: "ignore" }).pid!;
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const startTicks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  const lock = { pid, startTicks, host: hostname(), attempt: 1, heartbeat: Date.now() };
  writeFileSync(join(folder, "engine.lock"), JSON.stringify(lock));
}

const lines = (events: readonly EngineEvent[]) => events.map((event) => `${JSON.stringify(event)}\n`).join("");
const runFolder = (workspace: string, id: string) => join(workspace, ".tunesmith", "runs", id);

function writeWorkspace(workspace: string): void {
  for (const sketch of sketches) {
    const folder = runFolder(workspace, sketch.id);
    mkdirSync(join(folder, "adapter"), { recursive: true });
    writeFileSync(join(folder, "run.json"), JSON.stringify(specOf(sketch, workspace)));
    // Lines of a newer engine and lines that are none are passed over.
    writeFileSync(
      join(folder, "events.jsonl"),
      `{"type":"hologram","time":1,"attempt":1}\nnonsense\n${lines(eventsOf(sketch))}`,
    );
  }
  writeLock(runFolder(workspace, LIVE));
  writeFileSync(join(workspace, "shop.jsonl"), '{"instruction": "Add.", "input": "", "output": "1 + 1"}\n');
}

describe("comparing runs", () => {
  let workbench: Workbench;
  let view: Frame;
  const compare = () => workbench.webview("[data-testid='compare']");
  const runRow = (name: string) =>
    workbench.page.locator(".pane", { hasText: "Runs" }).locator(".monaco-list-row", { hasText: name }).first();
  const notesOf = (id: string) => {
    const file = join(runFolder(workbench.workspace, id), "notes.json");
    return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  };
  const points = async (testId: string) => Number(await view.getByTestId(testId).getAttribute("data-points"));

  beforeAll(async () => {
    workbench = await Workbench.start({ name: "compare", writeWorkspace });
  });
  afterAll(() => workbench?.stop());

  it("opens on the runs that are selected in the tree", async () => {
    await workbench.page.locator(TUNESMITH_ICON).click();
    await runRow("Baseline").waitFor();
    await runRow("Lower rate").click({ modifiers: ["Control"] });
    await runRow("<img").click({ modifiers: ["Control"] });
    await runRow("Baseline").click({ modifiers: ["Control"] });
    await workbench.contextMenu(runRow("Baseline"), "Compare Runs…", "1-menu");
    view = await compare();
    await eventually(
      "points of three runs",
      () => points("training-chart"),
      (count) => count === 1100,
    );
    expect(await view.getByTestId("training-chart").getAttribute("data-lines")).toBe("3");
    await workbench.command("View: Toggle Primary Side Bar Visibility");
    await workbench.page.mouse.move(0, 0);
    await workbench.screenshotsIn(["light", "contrast", "dark"], "2-three-runs");
  });

  it("shows the settings that differ, with the rest folded, and figures side by side", async () => {
    const differing = view.getByTestId("differing-settings").locator("tbody tr");
    expect(await differing.allTextContents()).toEqual([expect.stringMatching(/^Learning rate/)]);
    const figures = view.getByTestId("figure-table");
    const after = await figures.locator("tr", { hasText: "Held-out loss after" }).textContent();
    expect(after).toMatch(/2\.200.*1\.700.*1\.400/);
    expect(await figures.locator("td.best").textContent()).toContain("1.400");
    await view.getByTestId("same-settings").locator("summary").click();
    await view.getByTestId("same-settings-table").getByText("Sequence length").waitFor();
    await view.getByTestId("same-settings-table").scrollIntoViewIfNeeded();
    await workbench.screenshotsIn(["light", "contrast", "dark"], "3-settings");
  });

  it("takes markup in a run directory for text", async () => {
    expect(await view.locator("img").count()).toBe(0);
    expect(await view.getByTestId("figure-table").locator("thead").textContent()).toContain(HTML);
    expect(await workbench.page.title()).not.toContain("pwned");
  });

  it("hides a run, reads values and zooms by the keyboard", async () => {
    const chart = view.getByTestId("training-chart");
    await view.getByTestId("legend").getByRole("button", { name: "Lower rate" }).focus();
    await workbench.page.keyboard.press("Enter");
    await eventually(
      "lines in the chart",
      () => chart.getAttribute("data-lines"),
      (count) => count === "2",
    );
    await workbench.page.keyboard.press("Enter");
    await chart.focus();
    await workbench.page.keyboard.press("Home");
    await workbench.page.keyboard.press("ArrowRight");
    await view.locator(".step-read", { hasText: /^Step \d+$/ }).waitFor();
    await workbench.page.keyboard.press("+");
    await view.getByRole("button", { name: "Show all steps" }).waitFor();
    await view.getByTestId("log-scale").check();
    await workbench.screenshotsIn(["dark"], "4-zoomed-log");
    await chart.focus();
    await workbench.page.keyboard.press("0");
    await view.getByRole("button", { name: "Show all steps" }).waitFor({ state: "hidden" });
    await view.getByTestId("curve-table").locator("summary").click();
    await eventually(
      "the table's columns",
      () => view.getByTestId("curve-table").locator("thead th").count(),
      (count) => count === 7,
    );
    await view.getByTestId("curve-table").locator("summary").click();
  });

  it("adds a run that is going on, and one of 100,000 steps, and follows the former", async () => {
    for (const name of ["Going on", "Long"]) {
      await view.getByTestId("add-runs").click();
      await workbench.quickInput.waitFor();
      await workbench.quickInput.fill(name);
      await workbench.page.keyboard.press("Space");
      await workbench.page.locator(".quick-input-list .monaco-list-row", { hasText: name }).first().click();
      await workbench.page.locator(".quick-input-widget .monaco-button", { hasText: "OK" }).click();
    }
    const before = 1100 + 100 + LONG_RUN;
    await eventually(
      "points of five runs",
      () => points("training-chart"),
      (count) => count === before,
    );
    const live = { ...sketches[3]!, steps: 103 };
    const added = eventsOf(live).filter((event) => event.type === "step" && event.step > 100);
    appendFileSync(join(runFolder(workbench.workspace, LIVE), "events.jsonl"), lines(added));
    await eventually(
      "points that came",
      () => points("training-chart"),
      (count) => count === before + 3,
    );
    expect(await view.getByTestId("figure-table").locator("tr", { hasText: "State" }).textContent()).toContain(
      "Running",
    );
    await view.getByTestId("legend").getByRole("button", { name: "Long" }).click();
    await workbench.screenshotsIn(["light", "contrast", "dark"], "5-five-runs");
    await view.getByTestId("legend").getByRole("button", { name: "Long" }).click();
  });

  it("keeps name, tags and notes beside run.json", async () => {
    const id = sketches[0]!.id;
    const spec = readFileSync(join(runFolder(workbench.workspace, id), "run.json"), "utf8");
    const form = view.locator(`[data-testid='note-form'][data-run='${runFolder(workbench.workspace, id)}']`);
    await form.getByTestId("name").fill("Best so far");
    await form.getByTestId("name").press("Enter");
    await form.getByTestId("tags").fill("best, #shop, best");
    await form.getByTestId("tags").press("Enter");
    await form.getByTestId("notes").fill("First line\nSecond line");
    await eventually(
      "notes.json",
      () => notesOf(id),
      (notes) => notes.notes === "First line\nSecond line",
    );
    expect(notesOf(id)).toMatchObject({ name: "Best so far", tags: ["best", "shop"] });
    expect(readFileSync(join(runFolder(workbench.workspace, id), "run.json"), "utf8")).toBe(spec);
    await form.getByRole("heading", { name: "Best so far" }).waitFor();
    await form.scrollIntoViewIfNeeded();
    await workbench.screenshotsIn(["light", "contrast", "dark"], "6-notes");
  });

  it("edits notes in an editor, renames and tags by commands", async () => {
    await workbench.command("View: Toggle Primary Side Bar Visibility");
    // A plain click leaves the other runs unselected.
    await runRow("Lower rate").click();
    await workbench.contextMenu(runRow("Lower rate"), "Edit Notes on Run");
    await workbench.page.locator(".tab.active", { hasText: "Lower rate.md" }).waitFor();
    await workbench.page.keyboard.type("Too slow.");
    await workbench.save();
    const id = sketches[1]!.id;
    await eventually(
      "notes.json",
      () => notesOf(id),
      (notes) => notes.notes === "Too slow.",
    );
    await workbench.contextMenu(runRow("Lower rate"), "Rename Run…");
    await workbench.quickInput.fill("Slow one");
    await workbench.page.keyboard.press("Enter");
    await workbench.contextMenu(runRow("Slow one"), "Tag Run…");
    await workbench.quickInput.fill("sweep");
    await workbench.page.keyboard.press("Enter");
    await runRow("#sweep").waitFor();
    await workbench.page.locator(".pane", { hasText: "Models" }).getByText("Slow one").waitFor();
    expect(notesOf(id)).toMatchObject({ name: "Slow one", tags: ["sweep"], notes: "Too slow." });
  });

  it("asks on a run's page, and in its menu, what it is to be compared with", async () => {
    const choice = workbench.page.locator(".quick-input-widget:visible");
    const asked = choice.locator("input[placeholder='Compare Slow one with…']");
    await workbench.contextMenu(runRow("Slow one"), "Compare Runs…");
    await asked.waitFor();
    await workbench.page.keyboard.press("Escape");
    await runRow("Slow one").click();
    const panel = await runPanel(workbench, "Slow one");
    await button(panel, "Compare…").click();
    await asked.waitFor();
    await choice.getByText("1 Selected").waitFor();
    await choice.locator(".monaco-list-row", { hasText: "Best so far" }).click();
    await choice.getByText("2 Selected").waitFor();
    await workbench.screenshot("7-compare-with");
    await choice.locator(".monaco-button", { hasText: "OK" }).click();
    await workbench.page.locator(".tab.active", { hasText: "Compare 2 runs" }).waitFor();
    view = await compare();
    await view.getByRole("heading", { name: "Compare 2 runs" }).waitFor();
    await workbench.command("View: Close Editor");
    await workbench.page.locator(".tab", { hasText: "Compare 2 runs" }).waitFor({ state: "detached" });
  });

  it("searches the tree by name, tag, notes, data set and state", async () => {
    const rows = workbench.page.locator(".pane", { hasText: "Runs" }).locator(".monaco-list-row");
    await workbench.command("Tunesmith: Search Runs");
    await workbench.quickInput.fill("#sweep shop");
    await eventually(
      "rows",
      () => rows.count(),
      (count) => count === 1,
    );
    await workbench.quickInput.fill("second line");
    await eventually(
      "rows",
      () => rows.count(),
      (count) => count === 1,
    );
    await workbench.quickInput.fill("finished");
    await eventually(
      "rows",
      () => rows.count(),
      (count) => count === 4,
    );
    await workbench.quickInput.fill("nothing like it");
    await eventually(
      "rows",
      () => rows.count(),
      (count) => count === 0,
    );
    await workbench.screenshot("8-search");
    await workbench.quickInput.fill("best");
    await workbench.page.keyboard.press("Enter");
    await workbench.page.getByText("1 of 5 runs match “best”").waitFor();
    await workbench.command("Tunesmith: Clear Search of Runs");
    await eventually(
      "rows",
      () => rows.count(),
      (count) => count === 5,
    );
  });

  it("comes back after a reload with its runs and choices, and asks for two runs at least", async () => {
    await workbench.page.locator(".tab", { hasText: "Compare 5 runs" }).click();
    await workbench.page.waitForTimeout(1000);
    await workbench.reload();
    // VS Code may not have kept which tab was in front.
    await workbench.page.locator(".tab", { hasText: "Compare 5 runs" }).click();
    view = await compare();
    await view.getByRole("heading", { name: "Compare 5 runs" }).waitFor();
    expect(await view.getByTestId("log-scale").isChecked()).toBe(true);
    await eventually(
      "points",
      () => points("training-chart"),
      (count) => count === 1103 + 100 + LONG_RUN,
    );
    const ok = workbench.page.locator(".quick-input-widget:visible .monaco-button", { hasText: "OK" });
    const asked = toast(workbench, "Choose at least two runs to compare.");
    // A page that is still coming back may take the focus, which ends the choice.
    await eventually(
      "the answer to a choice of none",
      async () => {
        await workbench.command("Tunesmith: Compare Runs");
        await ok.click({ timeout: 5000 }).catch(() => {});
        return asked.isVisible();
      },
      Boolean,
    );
  });

  it("stays usable where a run's figures are absurd", async () => {
    await workbench.page.locator(".tab", { hasText: "Compare 5 runs" }).click();
    view = await compare();
    const before = await points("training-chart");
    const absurd = [1.7e308, -1.7e308, 1.7e308, 0].map((loss, index) => {
      const [event] = eventsOf({ ...sketches[3]!, steps: 1 }).filter(({ type }) => type === "step");
      return { ...event, step: 104 + index, loss } as EngineEvent;
    });
    appendFileSync(join(runFolder(workbench.workspace, LIVE), "events.jsonl"), lines(absurd));
    await eventually(
      "points that came",
      () => points("training-chart"),
      (count) => count === before + absurd.length,
    );
    for (const box of ["log-scale", "smoothed", "log-scale"]) await view.getByTestId(box).click();
    await view.getByTestId("legend").getByRole("button", { name: "Going on" }).click();
    await eventually(
      "lines in the chart",
      () => view.getByTestId("training-chart").getAttribute("data-lines"),
      (count) => count === "4",
    );
    await workbench.screenshot("9-absurd");
  });
});
