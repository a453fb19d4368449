/** A run is evaluated, its report opened and compared; tests in the data are run once that was allowed. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Frame } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EvaluationMark } from "../../src/evaluation/report/evaluationMark";
import { button, inState, RUN_MS, runPanel, setPlan } from "./runPanel";
import { eventually, TUNESMITH_ICON, Workbench } from "./workbench";

const operators = [
  ["add", "+"],
  ["subtract", "-"],
  ["multiply", "*"],
] as const;

/** Functions that a small model learns within a minute, each with a test. */
function writeWorkspace(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const rows = Array.from({ length: 60 }, (_, index) => {
    const [name, sign] = operators[index % operators.length]!;
    const result = { "+": 6, "-": 2, "*": 8 }[sign];
    return {
      instruction: `Write a function ${name}_${index} that returns a ${sign} b.`,
      input: "",
      output: `def ${name}_${index}(a, b):\n    return a ${sign} b\n`,
      test_list: [`assert ${name}_${index}(4, 2) == ${result}`],
    };
  });
  writeFileSync(join(folder, "functions.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

describe("evaluating a run", () => {
  let workbench: Workbench;
  let panel: Frame;

  beforeAll(async () => {
    workbench = await Workbench.start({ name: "evaluation", writeWorkspace });
  });
  afterAll(() => workbench?.stop());

  const row = (label: string) => panel.getByTestId("evaluation-table").locator("tr", { hasText: label });
  const evaluated = () => panel.getByTestId("evaluating").waitFor({ state: "detached", timeout: RUN_MS });

  it("offers itself when the run has ended", async () => {
    await workbench.showExplorer();
    await workbench.contextMenu(workbench.explorerRow("functions.jsonl"), "Fine-tune on This Dataset");
    panel = await runPanel(workbench);
    await button(panel, "Start").waitFor();
    await setPlan(panel, { epochs: 3, sequencesPerStep: 1, sequenceLength: 256 });
    await button(panel, "Start").click();
    await inState(panel, "finished");
    const section = panel.getByTestId("evaluation");
    await section.getByTestId("evaluate").waitFor();
    await section.scrollIntoViewIfNeeded();
    await workbench.screenshotsIn(["light", "contrast", "dark"], "1-nothing-yet");
  });

  it("shows how far it is, can be cancelled, goes on after a reload, and compares both models", async () => {
    await panel.getByTestId("evaluate").click();
    await panel.getByTestId("evaluating").waitFor();
    await panel.getByTestId("cancel-evaluation").click();
    await evaluated();
    await panel.getByTestId("evaluate").click();
    await panel.getByTestId("evaluating").getByText("Answering held-out instructions").waitFor({ timeout: RUN_MS });
    await workbench.screenshot("2-going-on");
    // Some answers are there when the window goes.
    const [run] = workbench.runs();
    const evaluation = join(workbench.workspace, ".tunesmith", "runs", run!, "evaluation");
    const partial = () => readFileSync(join(evaluation, "partial.jsonl"), "utf8").split("\n");
    const [head, losses] = await eventually("an answer", partial, (lines) => lines.length > 3, RUN_MS);
    await workbench.reload();
    panel = await runPanel(workbench);
    await panel.getByTestId("evaluating").waitFor();
    expect(partial().slice(0, 2)).toEqual([head, losses]);
    await panel.getByTestId("evaluation").scrollIntoViewIfNeeded();
    await workbench.screenshot("2b-after-reload");
    await panel.getByTestId("evaluation-table").waitFor({ timeout: RUN_MS });
    await evaluated();
    expect(await row("Stops by itself").textContent()).toMatch(/\d of \d+ \(\d+ %\)/);
    expect(await row("Held-out loss").locator("td").count()).toBe(2);
    expect(await panel.getByTestId("evaluation-sentence").textContent()).toMatch(/Of \d+ answers/);
    await panel.getByTestId("evaluation").scrollIntoViewIfNeeded();
    await workbench.screenshotsIn(["light", "contrast", "dark"], "3-report");
  });

  it("shows what another window is at, and offers no second evaluation", async () => {
    const [run] = workbench.runs();
    const mark = await EvaluationMark.take(join(workbench.workspace, ".tunesmith", "runs", run!));
    const note = "The GPU is taken by the run Larger model in /home/ada/shop: the processor answers, more slowly.";
    mark.tell({ stage: "Answering held-out instructions", fraction: 0.9, detail: "45 of 50", note });
    const progress = panel.getByTestId("evaluating");
    await progress.getByText("45 of 50").waitFor();
    await progress.getByText("in another window").waitFor();
    await panel.getByTestId("evaluation-note").getByText(note).waitFor();
    expect(await panel.getByTestId("evaluate").count()).toBe(0);
    expect(await panel.getByTestId("cancel-evaluation").count()).toBe(0);
    await progress.scrollIntoViewIfNeeded();
    await workbench.screenshotsIn(["light", "contrast", "dark"], "3b-another-window");
    await mark.release({ ended: true });
    await panel.getByTestId("evaluate").waitFor();
  });

  it("lists the answers, to be filtered and opened", async () => {
    await panel.getByTestId("evaluated-answers").locator("> summary").click();
    const answers = panel.getByTestId("evaluated-answer");
    await answers.first().waitFor();
    const answered = Number(
      /Of (\d+) answers/.exec((await panel.getByTestId("evaluation-sentence").textContent()) ?? "")?.[1],
    );
    expect(await answers.count()).toBe(answered);
    await answers.first().locator("> summary").click();
    await answers.first().getByText("The row's answer").waitFor();
    await answers.first().scrollIntoViewIfNeeded();
    await workbench.screenshotsIn(["light", "contrast", "dark"], "4-answers");
    await answers.first().getByTestId("open-evaluated-row").click();
    await workbench.page.locator(".tab.active", { hasText: "functions.jsonl" }).waitFor();
  });

  it("runs the tests in the data once that was allowed, enclosed", async () => {
    await panel.getByTestId("run-tests").click();
    const dialog = workbench.page.locator(".monaco-dialog-box");
    await dialog.getByText("Run code that a model has written?").waitFor();
    await workbench.screenshot("5-permission");
    await dialog.getByRole("button", { name: "Run Code" }).click();
    await panel.getByTestId("evaluating").waitFor();
    await evaluated();
    // Where programs cannot be enclosed the reason stands in the tests' place.
    const refused = panel.getByTestId("evaluation-tests").getByText("enclosed");
    const passed = row("Tests pass");
    await passed.or(refused).first().waitFor();
    if ((await refused.count()) === 0) expect(await passed.textContent()).toMatch(/\d of \d/);
    await panel.getByTestId("evaluation").scrollIntoViewIfNeeded();
    await workbench.screenshot("6-tests");
  });

  it("opens the report beside the run", async () => {
    await panel.getByTestId("open-evaluation-report").click();
    await workbench.page.locator(".tab", { hasText: "report.md" }).waitFor();
    const report = await workbench.webview("h1:has-text('Evaluation of')");
    await report.getByText("Improved most").waitFor();
    await workbench.screenshotsIn(["light", "dark"], "7-report");
  });

  it("stands beside other runs' evaluations in a comparison", async () => {
    const [id] = workbench.runs();
    const copy = `${id}-copy`;
    workbench.copyRun(id!, copy);
    await workbench.page.locator(TUNESMITH_ICON).click();
    const runs = workbench.page.locator(".pane", { hasText: "Runs" }).locator(".monaco-list-row");
    await runs.nth(1).waitFor();
    await runs.nth(0).click();
    await runs.nth(1).click({ modifiers: ["Control"] });
    await workbench.contextMenu(runs.nth(0), "Compare Runs…");
    const view = await workbench.webview("[data-testid='compare']");
    const figures = view.getByTestId("figure-table").locator("tr", { hasText: "Stops by itself" });
    await figures.waitFor();
    expect(await figures.locator("td").allTextContents()).toEqual([
      expect.stringMatching(/of \d/),
      expect.stringMatching(/of \d/),
    ]);
    await figures.scrollIntoViewIfNeeded();
    await workbench.screenshotsIn(["light", "contrast", "dark"], "8-compare");
  });
});
