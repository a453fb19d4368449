/** Run directories that someone has made to do harm: nothing runs, nothing hangs, and what can be read is shown. */
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defaultHeldOut, defaultSettings } from "../../src/run/runSpec";
import { showRuns } from "./preparedRun";
import { inState, pointsIn, runPanel } from "./runPanel";
import { eventually, TUNESMITH_ICON, Workbench } from "./workbench";

const HTML = "<img src=x onerror=\"document.title='pwned'\">";
const HUGE_LINE_BYTES = 100 << 20;

const specOf = (id: string, name: string) =>
  JSON.stringify({
    version: 1,
    id,
    name,
    createdAt: "2026-11-20T10:00:00.000Z",
    model: { path: `/models/${HTML}`, quantization: "none" },
    dataset: {
      path: `/data/${HTML}.jsonl`,
      format: "auto",
      template: "auto",
      heldOut: defaultHeldOut,
      maxTrainRows: null,
      maxEvalRows: null,
    },
    parent: { run: HTML, step: 3 },
    ...defaultSettings(),
  });

const event = (fields: object) => `${JSON.stringify({ time: 1_795_000_000_000, attempt: 1, ...fields })}\n`;
const start = {
  type: "start",
  engine: HTML,
  pid: 1,
  device: HTML,
  deviceName: HTML,
  threads: 1,
  resumedFrom: 0,
  totalSteps: 40,
};
const step = { type: "step", loss: 2, learningRate: 1e-3, gradientNorm: 1, tokens: 9, targets: 9, seconds: 0.1 };

/** What can be shown of it: 40 steps, between lines that say nothing. */
function writeMixedEvents(file: string): void {
  writeFileSync(file, event(start) + event({ type: "hologram", step: 1 }));
  for (let number = 1; number <= 20; number++) appendFileSync(file, event({ ...step, step: number, foreign: HTML }));
  appendFileSync(file, "x".repeat(HUGE_LINE_BYTES));
  appendFileSync(file, `\n${event({ ...step, step: 1e300 })}`);
  for (let number = 21; number <= 40; number++) appendFileSync(file, event({ ...step, step: number }));
  appendFileSync(file, event({ type: "warning", code: HTML, message: HTML }));
  appendFileSync(file, event({ type: "error", code: "odd", message: HTML }));
  appendFileSync(file, '{"type":"step","st');
}

function writeRuns(workspace: string): void {
  const runs = join(workspace, ".tunesmith", "runs");
  const elsewhere = join(workspace, "elsewhere");
  mkdirSync(elsewhere, { recursive: true });
  writeFileSync(join(elsewhere, "precious.txt"), "precious");
  const add = (id: string, name = id) => {
    const folder = join(runs, id);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "run.json"), specOf(id, name));
    return folder;
  };
  writeMixedEvents(join(add("mixed", HTML), "events.jsonl"));
  const linked = add("linked");
  symlinkSync(join(elsewhere, "precious.txt"), join(linked, "events.jsonl"));
  symlinkSync(elsewhere, join(linked, "checkpoints"));
  const piped = add("piped");
  for (const name of ["events.jsonl", "engine.lock", "start.json", "notes.json"])
    execFileSync("mkfifo", [join(piped, name)]);
  const huge = add("huge");
  truncateSync(join(huge, "run.json"), 2 ** 30);
  writeFileSync(join(add("nonsense"), "run.json"), '{"version": 1e999, "name": "<script>"');
  writeFileSync(join(workspace, ".tunesmith", "queue.json"), JSON.stringify({ runs: ["../../etc", "mixed", HTML, 7] }));
}

describe("hostile run directories", () => {
  let workbench: Workbench;
  const row = (text: string) =>
    workbench.page.locator(".pane", { hasText: "Runs" }).locator(".monaco-list-row", { hasText: text }).first();

  beforeAll(async () => {
    workbench = await Workbench.start({ name: "hostile", writeWorkspace: writeRuns });
  });
  afterAll(async () => {
    // Whoever reads it waits for a writer.
    if (workbench !== undefined) rmSync(join(workbench.workspace, ".tunesmith", "runs", "piped", "engine.lock"));
    await workbench?.stop();
  });

  it("are listed, and those that cannot be read say why", async () => {
    await workbench.page.locator(TUNESMITH_ICON).click();
    await showRuns(workbench);
    await row("<img src=x").waitFor();
    await row("run.json is larger than").waitFor();
    await row("run.json is not valid JSON").waitFor();
    await workbench.screenshot("1-tree");
  });

  it("show what can be shown, as text", async () => {
    await row("<img src=x").click();
    const panel = await runPanel(workbench);
    await inState(panel, "failed");
    await eventually(
      "points",
      () => pointsIn(panel),
      (points) => points === 40,
    );
    expect(await panel.getByTestId("run-problem").allTextContents()).toEqual([
      expect.stringMatching(/lines of events\.jsonl are damaged or of a newer version/),
    ]);
    expect(await panel.locator("img").count()).toBe(0);
    // The window's title names the panel, and with it the run: as text.
    expect(await workbench.page.title()).not.toBe("pwned");
    await workbench.screenshotsIn(["light", "dark"], "2-html");
  });

  it("lend their menu to no other run, and can be deleted", async () => {
    const menu = workbench.page.locator(".monaco-menu");
    await row("nonsense").click({ button: "right" });
    await menu.getByText("Delete Run").waitFor();
    expect(await menu.locator(".action-label:not(.separator)").allTextContents()).toEqual([
      "Reveal Run Folder",
      "Delete Run",
    ]);
    await workbench.screenshot("3-unreadable-menu");
    await workbench.page.keyboard.press("Escape");
    await workbench.contextMenu(row("nonsense"), "Delete Run");
    const dialog = workbench.page.locator(".monaco-dialog-box");
    await dialog.getByText("Delete the run nonsense?").waitFor();
    await workbench.screenshot("4-delete-unreadable");
    await dialog.getByRole("button", { name: "Delete" }).click();
    await row("nonsense").waitFor({ state: "hidden" });
    expect(workbench.runs()).toEqual(["huge", "linked", "mixed", "piped"]);
  });

  it("are not followed out of their folder, and keep nobody waiting", async () => {
    // Until it is there, the panel of the run before is still to be seen.
    const problem = (text: string) => workbench.webview(`[data-testid='run-problem']:has-text('${text}')`);
    await row("piped").click();
    await problem("events.jsonl is not a plain file");
    await workbench.page.keyboard.press("Control+F4");
    await row("linked").click();
    await problem("events.jsonl is a link");
    await workbench.page.keyboard.press("Control+F4");
    await workbench.contextMenu(row("linked"), "Delete Run");
    await workbench.page.locator(".monaco-dialog-box").getByRole("button", { name: "Delete" }).click();
    await row("linked").waitFor({ state: "hidden" });
    expect(readdirSync(join(workbench.workspace, "elsewhere"))).toEqual(["precious.txt"]);
  });
});
