/** A real run's samples, what is asked of it, the rows of a step, and the rows that cost most. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Frame, Locator } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeSampleWorkspace } from "../../scripts/vscode/sample-workspace.mjs";
import { createPreparedRun, startRun } from "../../src/cli/runFlow";
import { runsFolderOf } from "../../src/run/runDirectory";
import { defaultSettings } from "../../src/run/runSpec";
import { realEngine, tinyPython } from "../../src/run/testing/engine";
import { acceptPath, cursorLine } from "./editor";
import { button, inState, RUN_MS, runPanel } from "./runPanel";
import { eventually, Workbench } from "./workbench";

/** Few, so that a row is met within seconds; a twentieth of them is marked. */
const ROWS = 48;

async function startShortRun(workspace: string): Promise<string> {
  const nothing = () => {};
  const context = {
    signal: new AbortController().signal,
    progress: nothing,
    problem: nothing,
    print: nothing,
  };
  const settings = defaultSettings();
  const { directory } = await createPreparedRun(
    runsFolderOf(workspace),
    {
      ...settings,
      name: "Short",
      model: { path: tinyPython, quantization: "none" },
      dataset: {
        path: join(workspace, "functions.jsonl"),
        format: "auto",
        template: "auto",
        heldOut: { kind: "fraction", fraction: 0.2, by: "row" },
        maxTrainRows: null,
        maxEvalRows: null,
      },
      sequenceLength: 256,
      training: { ...settings.training, epochs: 2, sequencesPerStep: 1, evalEvery: 10, checkpointEvery: 10 },
      threads: 1,
    },
    context,
  );
  await startRun(directory, await realEngine(), context);
  return directory;
}

describe("samples and rows", () => {
  let workbench: Workbench;
  let panel: Frame;
  let directory: string;
  const themes = ["light", "contrast", "dark"] as const;
  const marks = (): Locator => workbench.page.locator('.editor-instance .cgmr[class*="TextEditorDecorationType"]');
  const see = async (testId: string) => {
    await panel.getByTestId(testId).first().scrollIntoViewIfNeeded();
    await workbench.page.mouse.move(0, 0);
  };

  beforeAll(async () => {
    workbench = await Workbench.start({
      name: "samples",
      writeWorkspace: (folder) => writeSampleWorkspace(folder, { rows: ROWS }),
    });
    directory = await startShortRun(workbench.workspace);
  });
  afterAll(() => workbench?.stop());

  it("shows held-out instructions answered at each evaluation, against the base model's answers", async () => {
    await workbench.command("Tunesmith: Open Run Panel");
    panel = await runPanel(workbench, "Short");
    await inState(panel, "finished");
    await workbench.command("View: Toggle Primary Side Bar Visibility");
    await eventually(
      "three samples",
      () => panel.getByTestId("sample").count(),
      (count) => count === 3,
    );
    const answer = panel.getByTestId("sample-answer").first();
    await eventually(
      "a marked difference",
      () => answer.locator("ins").count(),
      (count) => count > 0,
      RUN_MS,
    );
    expect(await answer.getAttribute("data-compared")).toBe("true");
    const newest = await panel.getByTestId("sample-step").first().textContent();
    await panel.getByTestId("sample-earlier").first().click();
    await eventually(
      "an earlier step",
      () => panel.getByTestId("sample-step").first().textContent(),
      (text) => text !== newest,
    );
    await see("samples");
    await workbench.screenshotsIn(themes, "1-samples");
    await panel.getByTestId("samples-compare").uncheck();
    await answer.locator("ins").first().waitFor({ state: "detached" });
  });

  it("answers an instruction with both models, side by side", async () => {
    await panel.getByTestId("ask-instruction").fill("Return the smallest height.");
    await workbench.page.keyboard.press("Control+Enter");
    await eventually(
      "two complete answers",
      () => panel.getByTestId("try-it").locator(".answer-end").count(),
      (count) => count === 2,
      RUN_MS,
    );
    expect((await panel.getByTestId("answer-base").textContent())!.length).toBeGreaterThan(0);
    expect(await panel.getByTestId("answer-tuned").textContent()).toContain("def ");
    expect(await panel.getByTestId("try-it").textContent()).toMatch(/tokens\/s/);
    await panel.getByTestId("try-it").getByText("Rendered prompt").click();
    expect(await panel.getByTestId("try-it").getByTestId("rendered-prompt").textContent()).toContain(
      "### Instruction:\nReturn the smallest height.",
    );
    await see("try-it");
    await workbench.screenshotsIn(themes, "2-try-it");
  });

  it("pins what was asked, and takes it away again", async () => {
    await panel.getByTestId("pin-trial").click();
    await eventually(
      "four samples",
      () => panel.getByTestId("sample").count(),
      (count) => count === 4,
    );
    const pinned = () => JSON.parse(readFileSync(join(directory, "samples.json"), "utf8")).prompts;
    expect(pinned().map(({ instruction }: { instruction: string }) => instruction)).toContain(
      "Return the smallest height.",
    );
    await panel.getByTestId("sample-remove").last().click();
    await eventually(
      "three samples",
      () => panel.getByTestId("sample").count(),
      (count) => count === 3,
    );
    expect(pinned()).toHaveLength(3);
  });

  it("is as it was left when its tab is looked at again", async () => {
    const step = await panel.getByTestId("sample-step").first().textContent();
    await panel.getByTestId("ask-instruction").fill("Return the largest");
    await panel.getByTestId("add-prompt").click();
    await panel.getByTestId("pin-instruction").fill("Sort the");
    await panel.getByTestId("loss-curve").press("Home");
    await panel.getByTestId("loss-curve").press("+");
    const zoom = () => panel.locator("section.curve").getAttribute("data-zoom");
    const zoomed = await zoom();
    expect(zoomed).toMatch(/^\d+-\d+$/);
    await workbench.command("Create: New File...");
    await workbench.choose("Select File Type", "Text File");
    await eventually("the page to be gone", () => panel.isDetached(), Boolean);
    await workbench.command("View: Close Editor");
    panel = await runPanel(workbench, "Short");
    await eventually(
      "three samples",
      () => panel.getByTestId("sample").count(),
      (count) => count === 3,
    );
    expect(await panel.getByTestId("sample-step").first().textContent()).toBe(step);
    expect(await panel.getByTestId("ask-instruction").inputValue()).toBe("Return the largest");
    expect(await panel.getByTestId("pin-instruction").inputValue()).toBe("Sort the");
    expect(await panel.getByTestId("pin-instruction").isVisible()).toBe(true);
    expect(await zoom()).toBe(zoomed);
    await workbench.screenshot("2-left-and-back");
    await button(panel, "Cancel").click();
    await button(panel, "Show all steps").click();
  });

  it("lists the rows of a step, and opens one in the editor", async () => {
    await panel.getByTestId("rows-step").fill("3");
    await workbench.page.keyboard.press("Enter");
    await panel.getByTestId("step-row-table").waitFor();
    const first = panel.getByTestId("step-row-table").getByTestId("open-run-row").first();
    const row = Number((await first.textContent())!.replaceAll(/\D/g, ""));
    const losses = (await panel.getByTestId("step-row-table").getByTestId("row-loss").allTextContents()).map(Number);
    expect(losses).toEqual([...losses].sort((a, b) => b - a));
    await see("rows-section");
    await workbench.screenshotsIn(themes, "3-rows-of-a-step");
    await first.click();
    await workbench.page.locator(".tab.active", { hasText: "functions.jsonl" }).waitFor();
    await eventually(
      "the row's line",
      () => cursorLine(workbench),
      (line) => line === row,
    );
  });

  it("lists the worst rows, and marks them in the editor", async () => {
    const worst = panel.getByTestId("worst-row-table");
    await worst.waitFor();
    const summary = (await panel.getByTestId("row-loss-summary").textContent())!;
    expect(summary).toMatch(/^Pass 2: \d+ rows, median loss \d/);
    await worst.getByTestId("open-run-row").first().click();
    await eventually(
      "marks",
      () => marks().count(),
      (count) => count > 0,
    );
    const line = Number((await worst.getByTestId("open-run-row").first().textContent())!.replaceAll(/\D/g, ""));
    await eventually(
      "the worst row's line",
      () => cursorLine(workbench),
      (now) => now === line,
    );
    const hover = workbench.page
      .locator(".monaco-hover:visible")
      // First of all that the hover says.
      .filter({ hasText: /^\s*Loss\s\d\.\d+\sin\spass\s2\sof\sShort\s\(median\s\d/ });
    for (const theme of themes) {
      await workbench.setTheme(theme);
      await eventually(
        "the marked row's hover",
        async () => {
          // The editor may still scroll, and a pointer that stands still is not seen.
          const mark = (await marks().first().boundingBox())!;
          await workbench.page.mouse.move(mark.x + 300, mark.y + mark.height / 2);
          await workbench.page.mouse.move(mark.x + 200, mark.y + mark.height / 2, { steps: 5 });
          const shown = hover.first().waitFor({ timeout: 4000 });
          return shown.then(
            () => true,
            () => false,
          );
        },
        (seen) => seen,
      );
      await workbench.screenshot(`4-marked-row-${theme}`);
      await workbench.page.mouse.move(0, 0);
    }
    await workbench.page.keyboard.press("Control+2");
    await worst.scrollIntoViewIfNeeded();
    await workbench.screenshotsIn(themes, "4-worst-rows");
  });

  it("lets a mark go with its row, and hides all when asked", async () => {
    const before = await marks().count();
    await workbench.page.keyboard.press("Control+2");
    await workbench.page.keyboard.press("Home");
    await workbench.page.keyboard.type(" ");
    await eventually(
      "marks after an edit",
      () => marks().count(),
      (count) => count === before - 1,
    );
    await workbench.command("Tunesmith: Show or Hide Row Losses");
    await eventually(
      "no marks",
      () => marks().count(),
      (count) => count === 0,
    );
    await workbench.command("Tunesmith: Show or Hide Row Losses");
    await eventually(
      "marks again",
      () => marks().count(),
      (count) => count === before - 1,
    );
    await workbench.page.keyboard.press("Control+Z");
  });

  it("has written what each row cost beside the data set, and leads there", async () => {
    const file = join(workbench.workspace, "functions.row-losses.csv");
    const lines = readFileSync(file, "utf8").trim().split("\n");
    expect(lines[0]).toBe("source,row,loss,tokens,targets,step");
    expect(lines.length).toBeGreaterThan(30);
    await see("row-loss-files");
    expect(await panel.getByTestId("row-loss-files").textContent()).toBe(
      "Beside the data set, all rows of pass 2: functions.row-losses.csv",
    );
    await workbench.screenshotsIn(themes, "5-beside");
    await panel.getByTestId("row-loss-file").click();
    await workbench.page.locator(".tab.active", { hasText: "functions.row-losses.csv" }).waitFor();
    await workbench.command("View: Close Editor");
    panel = await runPanel(workbench, "Short");
  });

  it("saves what each row cost where it is wanted, and says when the data set has changed", async () => {
    await panel.getByTestId("save-row-losses").click();
    await acceptPath(workbench, "functions.losses.csv");
    const file = join(workbench.workspace, "functions.losses.csv");
    await eventually("the table", () => existsSync(file), Boolean);
    const lines = readFileSync(file, "utf8").trim().split("\n");
    expect(lines[0]).toBe("source,row,loss,tokens,targets,step");
    expect(lines.length).toBeGreaterThan(30);
    const dataset = join(workbench.workspace, "functions.jsonl");
    writeFileSync(dataset, `${readFileSync(dataset, "utf8")}{"instruction":"One more.","output":"x"}\n`);
    await panel.getByTestId("rows-step").fill("4");
    await workbench.page.keyboard.press("Enter");
    await panel.getByTestId("source-note").filter({ hasText: "has changed since the run" }).first().waitFor();
    await see("rows-section");
    await workbench.screenshot("5-changed");
  });
});
