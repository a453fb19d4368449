/** The launch form: presets, ranges, a mixture, settings that are kept and started again. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Frame } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { acceptPath } from "./editor";
import { runRow, showRuns } from "./preparedRun";
import { button, figure, runPanel, setPlan } from "./runPanel";
import { eventually, Workbench } from "./workbench";

const DATASET = "sums.jsonl";
const MORE = "products.jsonl";
/** Rows that only settings can tell how to read, and what is held out of them. */
const MAPPED = "mapped.jsonl";
const MAPPED_HELD_OUT = "kept-back.jsonl";
const mapping = { format: "prompt-completion", fields: { prompt: "asked", completion: "replied" } };
/** Python files beside the data sets. */
const CODE = "library";

function writeWorkspace(folder: string): void {
  const rows = (name: string, sign: string) =>
    Array.from({ length: 60 }, (_, index) =>
      JSON.stringify({
        instruction: `${name} ${index} and x.`,
        input: "",
        output: `def ${name.toLowerCase()}_${index}(x):\n    return x ${sign} ${index}`,
      }),
    ).join("\n");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, DATASET), `${rows("Add", "+")}\n`);
  writeFileSync(join(folder, MORE), `${rows("Multiply", "*")}\n`);
  const mapped = (index: number) =>
    JSON.stringify({ asked: `Add ${index}.`, replied: `def add(x):\n    return x + ${index}` });
  writeFileSync(join(folder, MAPPED), `${Array.from({ length: 40 }, (_, index) => mapped(index)).join("\n")}\n`);
  writeFileSync(join(folder, MAPPED_HELD_OUT), `${[100, 101, 102].map(mapped).join("\n")}\n`);
  mkdirSync(join(folder, CODE));
  for (const name of ["areas", "volumes", "weights"]) {
    const functions = Array.from(
      { length: 20 },
      (_, index) =>
        `def ${name}_${index}(items, limit):\n    found = [item for item in items if item > limit]\n    return sum(found) + ${index}\n`,
    );
    writeFileSync(join(folder, CODE, `${name}.py`), functions.join("\n\n"));
  }
}

describe("the launch form", () => {
  let workbench: Workbench;
  let panel: Frame;
  const models = mkdtempSync(join(tmpdir(), "tunesmith-models-"));
  /** A base model in a folder of its own. */
  const mine = join(models, "mine");
  const input = (name: string) => panel.getByTestId(`field-${name}`).locator("input");
  const shows = (name: string, value: string) =>
    eventually(
      `${value} in ${name}`,
      () => input(name).inputValue(),
      (shown) => shown === value,
    );
  const openPlan = async () => {
    await workbench.showExplorer();
    await workbench.contextMenu(workbench.explorerRow(DATASET), "Fine-tune on This Dataset");
    panel = await runPanel(workbench);
    await panel.getByTestId("train-rows").waitFor();
  };
  /** VS Code has time to keep what its pages ask it to. */
  const reloadWindow = async () => {
    const gone = workbench.page.waitForEvent("load");
    await workbench.command("Developer: Reload Window").catch(() => {});
    await gone;
    await workbench.ready();
    panel = await runPanel(workbench);
    await panel.getByTestId("plan").waitFor();
  };
  const effectOf = (testId: string, against: string) =>
    eventually(
      `the effect against ${against}`,
      () => panel.getByTestId(testId).textContent(),
      (text) => text?.includes(against) === true,
      60_000,
    );
  const spec = (run: string) => JSON.parse(workbench.read(`.tunesmith/runs/${run}/run.json`));
  const aNewRun = (known: readonly string[]) =>
    eventually(
      "a new run with its first event",
      () => workbench.runs().filter((run) => !known.includes(run) && workbench.events(run).length > 0),
      (found) => found.length === 1,
      120_000,
    );

  beforeAll(async () => {
    cpSync(resolve(__dirname, "../../models/tiny-python"), mine, { recursive: true });
    const dataSets = { [MAPPED]: { ...mapping, heldOut: MAPPED_HELD_OUT }, [MAPPED_HELD_OUT]: mapping };
    workbench = await Workbench.start({
      name: "launchForm",
      writeWorkspace,
      settings: { "tunesmith.dataSets": dataSets, "tunesmith.modelPaths": [mine] },
    });
  });
  afterAll(async () => {
    await workbench?.stop();
    rmSync(models, { recursive: true, force: true });
  });

  it("opens with Standard chosen, ready to start", async () => {
    await openPlan();
    expect(await panel.getByTestId("preset-standard").isChecked()).toBe(true);
    expect(await panel.getByTestId("preset-state").isVisible()).toBe(false);
    expect(await button(panel, "Start").isEnabled()).toBe(true);
    expect(await panel.getByTestId("waits-for").textContent()).toBe("");
    await panel.getByTestId("download-model").waitFor();
    await workbench.screenshotsIn(["light", "contrast", "dark"], "1-plan");
  });

  it("takes a step for as many rows as sequences where rows are not packed", async () => {
    const forecastSteps = async () => {
      const text = await panel.getByTestId("forecast-time-figure").textContent();
      return Number(/for ([\d,]+) steps/.exec(text ?? "")?.[1]?.replaceAll(",", ""));
    };
    const rows = await figure(panel, "train-rows");
    await panel.getByText("More settings").click();
    expect(await input("packing").isChecked()).toBe(true);
    const perStep = Number(await input("sequencesPerStep").inputValue());
    const packed = await eventually("the steps", forecastSteps, (steps) => steps > 0);
    expect(packed).toBeLessThan(rows / perStep);
    await input("packing").uncheck();
    await eventually("a step for so many rows", forecastSteps, (steps) => steps === Math.ceil(rows / perStep));
    await effectOf("field-packing-effect", "Standard");
    await panel.getByText("Standard, changed").waitFor();
    await input("packing").scrollIntoViewIfNeeded();
    await workbench.screenshotsIn(["light", "contrast", "dark"], "15-packing");
    await input("packing").check();
    await eventually("the steps as before", forecastSteps, (steps) => steps === packed);
  });

  it("fills the fields from a preset, and says when they are changed", async () => {
    expect(await input("rank").inputValue()).toBe("16");
    await panel.getByText("Thorough", { exact: true }).click();
    await shows("rank", "32");
    await input("patience").waitFor();
    await panel.getByText("Quick look", { exact: true }).click();
    await shows("steps", "60");
    await input("patience").waitFor({ state: "hidden" });
    await input("rank").fill("64");
    await panel.getByText("Quick look, changed").waitFor();
    const effect = panel.getByTestId("field-rank-effect");
    await eventually(
      "what the rank changes",
      () => effect.textContent(),
      (text) => text?.startsWith("Memory +") === true && text.includes("Quick look"),
    );
    for (const theme of ["light", "contrast", "dark"] as const) {
      await workbench.setTheme(theme);
      await input("rank").focus();
      await workbench.screenshot(`2-changed-${theme}`);
    }
  });

  it("says what a field may be while it is typed in", async () => {
    await input("learningRate").fill("3");
    const error = panel.getByTestId("field-learningRate-error");
    await panel.getByText("Learning rate must be a number from 1e-8 to 1.").waitFor();
    await eventually(
      "Start",
      () => button(panel, "Start").isEnabled(),
      (enabled) => !enabled,
    );
    await workbench.screenshot("3-wrong");
    await input("learningRate").fill("0.002");
    await error.waitFor({ state: "hidden" });
    await eventually(
      "Start",
      () => button(panel, "Start").isEnabled(),
      (enabled) => enabled,
    );
  });

  it("learns a second data set with its weight", async () => {
    const alone = await figure(panel, "train-rows");
    await panel.getByTestId("add-dataset").click();
    await workbench.choosePath(join(workbench.workspace, MORE));
    await panel.getByTestId(`weight-${MORE}`).locator("input").fill("2");
    await eventually(
      "the rows of both",
      () => figure(panel, "train-rows"),
      (rows) => rows > 2.5 * alone,
    );
    await panel.getByTestId(`share-${MORE}`).getByText("rows to learn").waitFor();
    await effectOf("weights-effect", "equal weights");
    await workbench.screenshotsIn(["light", "contrast", "dark"], "4-mixture");
  });

  it("mixes in samples for completion, cut from the answers", async () => {
    const rows = await figure(panel, "train-rows");
    const tokens = await figure(panel, "tokens");
    expect(await panel.getByTestId("field-completionFrom").isVisible()).toBe(false);
    await input("completionPercent").fill("50");
    await panel.getByTestId("completion-samples").waitFor();
    expect(await figure(panel, "completion-samples")).toBeGreaterThan(10);
    expect(await figure(panel, "train-rows")).toBe(rows);
    expect(await figure(panel, "tokens")).toBeGreaterThan(1.1 * tokens);
    await effectOf("field-completionPercent-effect", "no samples for completion");
    await panel.getByTestId("field-completionFrom").scrollIntoViewIfNeeded();
    await workbench.screenshotsIn(["light", "contrast", "dark"], "5-completion");
  });

  it("cuts samples from Python files as well, of a folder that is chosen", async () => {
    const fromAnswers = await figure(panel, "completion-samples");
    await panel.getByTestId("field-completionFrom").click();
    await panel.getByRole("option", { name: "Answers and Python files" }).click();
    const folder = panel.getByTestId("field-completionFolder");
    await folder.waitFor();
    for (const theme of ["light", "contrast", "dark"] as const) {
      await workbench.setTheme(theme);
      await folder.getByRole("button").click();
      await workbench.dialogField();
      await workbench.screenshot(`6-folder-dialog-${theme}`);
      if (theme !== "dark") await workbench.dismissDialog();
    }
    await workbench.choosePath(join(workbench.workspace, CODE));
    await folder.getByText(CODE, { exact: true }).waitFor();
    await eventually(
      "samples of both",
      () => figure(panel, "completion-samples"),
      (samples) => samples !== fromAnswers,
    );
    await folder.scrollIntoViewIfNeeded();
    await workbench.screenshotsIn(["light", "contrast", "dark"], "7-folder");
  });

  it("keeps the settings under a name", async () => {
    await panel.getByTestId("save-settings").click();
    await workbench.quickInput.waitFor();
    await workbench.quickInput.fill("Short and wide");
    await workbench.page.keyboard.press("Enter");
    await panel.getByTestId("preset-saved:Short and wide").waitFor();
    const kept = workbench.read(".tunesmith/settings/Short and wide.json");
    expect(JSON.parse(kept)).toMatchObject({ version: 1, settings: { rank: 64, learningRate: 0.002, steps: 60 } });
    expect(kept).not.toContain(workbench.workspace);
  });

  it("hands the settings on as a file, and takes them from one", async () => {
    for (const theme of ["light", "contrast", "dark"] as const) {
      await workbench.setTheme(theme);
      await panel.getByTestId("export-settings").click();
      await workbench.dialogField();
      await workbench.screenshot(`8-export-${theme}`);
      if (theme !== "dark") await workbench.dismissDialog();
    }
    await acceptPath(workbench, "Short and wide.json");
    const file = join(workbench.workspace, "Short and wide.json");
    await eventually("the file", () => existsSync(file), Boolean);
    expect(JSON.parse(workbench.read("Short and wide.json"))).toMatchObject({ settings: { rank: 64, steps: 60 } });
    const colleagues = join(workbench.workspace, "From a colleague.json");
    renameSync(file, colleagues);
    writeFileSync(colleagues, readFileSync(colleagues, "utf8").replace('"rank": 64', '"rank": 8'));
    for (const theme of ["light", "contrast", "dark"] as const) {
      await workbench.setTheme(theme);
      await panel.getByTestId("import-settings").click();
      await workbench.dialogField();
      await workbench.screenshot(`9-import-${theme}`);
      if (theme !== "dark") await workbench.dismissDialog();
    }
    await workbench.choosePath(colleagues);
    await shows("rank", "8");
    // The name in the file is taken by other settings.
    expect(await panel.getByTestId("preset-saved:Short and wide 2").isChecked()).toBe(true);
    await panel.getByTestId("preset-saved:Short and wide 2").scrollIntoViewIfNeeded();
    await workbench.screenshotsIn(["light", "contrast", "dark"], "10-imported");
    writeFileSync(colleagues, "{}");
    await panel.getByTestId("import-settings").click();
    await workbench.choosePath(colleagues);
    await panel.getByRole("alert").getByText("From a colleague.json: it is not a settings file;").waitFor();
    await workbench.screenshotsIn(["light", "contrast", "dark"], "11-not-settings");
    await shows("rank", "8");
    await panel.getByText("Short and wide", { exact: true }).click();
    await shows("rank", "64");
  });

  it("starts as it is set", async () => {
    await input("steps").fill("2");
    await input("sequenceLength").fill("128");
    await button(panel, "Start").click();
    const [run] = await aNewRun([]);
    const made = spec(run!);
    expect(made.dataset.mixture).toEqual([{ path: join(workbench.workspace, MORE), format: "auto", weight: 2 }]);
    expect(made.dataset.completion).toEqual({
      share: 0.5,
      answers: true,
      folder: join(workbench.workspace, CODE),
    });
    expect(made).toMatchObject({ lora: { rank: 64 }, training: { steps: 2, epochs: null }, sequenceLength: 128 });
    const manifest = JSON.parse(workbench.read(`.tunesmith/runs/${run}/data/manifest.json`));
    expect(manifest.sources).toHaveLength(2);
    expect(manifest.completion.fim).toBeGreaterThan(0);
    expect(manifest.train.documents).toBeGreaterThan(manifest.train.rows);
  });

  it("starts again with the kept settings: the menu, the preset, Start", async () => {
    const known = workbench.runs();
    await workbench.reload();
    // The page may come back by itself, and must not do so later.
    await workbench.webview("[data-view='run-panel']", 10_000).catch(() => {});
    await workbench.command("View: Close All Editors");
    await openPlan();
    await panel.getByText("Short and wide", { exact: true }).click();
    await button(panel, "Start").click();
    const [run] = await aNewRun(known);
    expect(spec(run!)).toMatchObject({
      lora: { rank: 64, alpha: 32 },
      optimizer: { learningRate: 0.002 },
      training: { steps: 60 },
    });
    expect(existsSync(join(workbench.workspace, ".tunesmith", "settings", "Short and wide.json"))).toBe(true);
    await button(panel, "Stop").click();
  });

  it("is two clicks from the menu to a running job", async () => {
    const known = workbench.runs();
    await workbench.command("View: Close All Editors");
    await openPlan();
    await button(panel, "Start").click();
    const [run] = await aNewRun(known);
    expect(spec(run!).training).toMatchObject({ steps: null, epochs: 1 });
    await eventually(
      "a step",
      () => workbench.events(run!).some(({ type }) => type === "step"),
      (taken) => taken,
      120_000,
    );
  });

  it("is brought back as it was filled in, beside a run on the same data", async () => {
    const known = workbench.runs();
    await workbench.command("View: Close All Editors");
    await openPlan();
    await setPlan(panel, { epochs: 1000, sequencesPerStep: 1 });
    await button(panel, "Start").click();
    await aNewRun(known);
    await workbench.command("View: Close All Editors");
    await openPlan();
    await panel.getByText("More settings").click();
    await input("rank").fill("33");
    await panel.getByText("Standard, changed").waitFor();
    await reloadWindow();
    await shows("rank", "33");
  });

  it("says for what the run would wait, and when it would no longer", async () => {
    const turn = panel.getByTestId("waits-for");
    await turn.getByText("Waits for sums: Start puts it in the queue.").waitFor();
    await panel.getByTestId("measure-busy").getByText("Can be measured when sums has ended.").waitFor();
    await workbench.screenshotsIn(["light", "contrast", "dark"], "12-waits");
    await showRuns(workbench);
    await workbench.contextMenu(runRow(workbench, "sums"), "Stop Run");
    await eventually(
      "no run ahead",
      () => turn.textContent(),
      (text) => text === "",
      120_000,
    );
    await panel.getByTestId("measure-busy").waitFor({ state: "hidden" });
  });

  it("takes a run's settings when asked, and loses nothing that was filled in without asking", async () => {
    const again = () => workbench.contextMenu(runRow(workbench, "sums"), "Run Again With Changes");
    const dialog = workbench.page.locator(".monaco-dialog-box", { hasText: `the open plan for ${DATASET}` });
    await again();
    await dialog.waitFor();
    await workbench.screenshot("13-asks");
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await dialog.waitFor({ state: "hidden" });
    expect(await input("rank").inputValue()).toBe("33");
    await again();
    await dialog.getByRole("button", { name: "Replace" }).click();
    await shows("rank", "16");
  });

  it("keeps a base model that is not there, and says so", async () => {
    await workbench.command("View: Close All Editors");
    await openPlan();
    await panel.getByTestId("model").click();
    await panel.getByRole("option", { name: /^mine/ }).click();
    await effectOf("model-effect", "the default model");
    renameSync(mine, `${mine}-away`);
    await reloadWindow();
    await panel
      .getByTestId("model-error")
      .getByText(`${join(mine, "config.json")} cannot be read`)
      .waitFor();
    expect(await button(panel, "Start").isEnabled()).toBe(false);
    await workbench.screenshotsIn(["light", "contrast", "dark"], "14-no-model");
    renameSync(`${mine}-away`, mine);
  });

  it("goes by the settings of a data set, however soon it is started", async () => {
    const known = workbench.runs();
    await workbench.command("View: Close All Editors");
    await workbench.showExplorer();
    await workbench.contextMenu(workbench.explorerRow(MAPPED), "Fine-tune on This Dataset");
    panel = await runPanel(workbench);
    await button(panel, "Start").click();
    const [run] = await aNewRun(known);
    expect(spec(run!).dataset).toMatchObject({
      ...mapping,
      heldOut: { kind: "file", path: join(workbench.workspace, MAPPED_HELD_OUT) },
    });
    // Of a run of a few steps, which only the count can tell.
    expect(spec(run!).training.evalEvery).toBe(5);
  });
});
