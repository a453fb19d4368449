/**
 * What only a GPU shows, in the real VS Code: a model of Llama-3.2-1B's shape tuned on 18,000 rows, from the right-click
 * to the end. CI has no GPU: `npx vitest run --config test/e2e/vitest.config.ts gpu` on a machine with one.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Frame } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeModel } from "../../bench/forecast/model";
import { sampleRows } from "../../scripts/vscode/sample-workspace.mjs";
import { runRow, showRuns } from "./preparedRun";
import { button, inState, pointsIn, RUN_MS, runPanel } from "./runPanel";
import { eventually, Workbench } from "./workbench";

const LLAMA_1B = { hidden: 2048, intermediate: 8192, layers: 16, heads: 32, kvHeads: 8, vocabulary: 128_256 };
const ROWS = 18_000;
const REAL_ROWS = resolve(__dirname, "../../../shared/data/instruct/python-alpaca-1200.jsonl");
const DATASET = "questions.jsonl";
const tinyPython = resolve(__dirname, "../../models/tiny-python");

const hasGpu = existsSync("/dev/nvidiactl");

interface Row {
  instruction: string;
  input: string;
  output: string;
}

/** As many as asked for, none twice. */
function rows(count: number): Row[] {
  const some: Row[] = existsSync(REAL_ROWS)
    ? readFileSync(REAL_ROWS, "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line))
    : sampleRows();
  return Array.from({ length: count }, (_, index) => {
    const row = some[index % some.length]!;
    const round = Math.floor(index / some.length);
    return round === 0 ? row : { ...row, instruction: `${row.instruction} (Variant ${round}.)` };
  });
}

const asJsonl = (some: readonly Row[]) => `${some.map((row) => JSON.stringify(row)).join("\n")}\n`;

describe.skipIf(!hasGpu)("a run on a GPU", () => {
  let models: string;
  let workbench: Workbench;
  let panel: Frame;

  const text = async (testId: string) => (await panel.getByTestId(testId).textContent()) ?? "";
  const lastRun = () => workbench.runs().at(-1)!;
  const events = (type: string) => workbench.events(lastRun()).filter((event) => event.type === type);
  const spec = (run: string) => JSON.parse(workbench.read(join(".tunesmith", "runs", run, "run.json")));
  const points = (name: string) => panel.getByTestId(`curve-${name}`).getAttribute("data-points").then(Number);
  const gpuName = () =>
    execFileSync("nvidia-smi", ["--query-gpu=name", "--format=csv,noheader"], { encoding: "utf8" })
      .split("\n")[0]!
      .trim();
  const plan = async (dataset: string) => {
    await workbench.showExplorer();
    await workbench.contextMenu(workbench.explorerRow(dataset), "Fine-tune on This Dataset");
    // The page of a run that was there before has no forecast.
    panel = await workbench.webview("[data-testid='forecast-time']", 60_000);
  };

  beforeAll(async () => {
    models = mkdtempSync(join(tmpdir(), "tunesmith-gpu-"));
    const model = join(models, "llama-1b");
    writeModel(model, LLAMA_1B);
    workbench = await Workbench.start({
      name: "gpu",
      writeWorkspace: (folder) => {
        mkdirSync(folder, { recursive: true });
        writeFileSync(join(folder, DATASET), asJsonl(rows(ROWS)));
        writeFileSync(join(folder, "few.jsonl"), asJsonl(rows(300)));
      },
      settings: { "tunesmith.defaultModel": model, "tunesmith.modelPaths": [tinyPython], "tunesmith.threads": 0 },
    });
  }, 300_000);
  afterAll(async () => {
    await workbench?.stop();
    rmSync(models, { recursive: true, force: true });
  });

  it("is planned on the GPU by itself, and measured there", async () => {
    await plan(DATASET);
    expect(await text("forecast-device")).toContain(gpuName());
    const byArithmetic = await text("forecast-time");
    await workbench.screenshot("1-plan");
    await button(panel, "Measure (two steps)").click();
    await button(panel, "Measure again").waitFor({ timeout: RUN_MS });
    await workbench.screenshotsInBothThemes("2-measured");
    console.log(
      `forecast: ${byArithmetic}; measured: ${await text("forecast-time")}, ${await text("forecast-memory")}`,
    );
  });

  it("shows what the GPU does while it trains", async () => {
    const clicked = Date.now();
    await button(panel, "Start").click();
    await eventually(
      "points in the curve",
      () => pointsIn(panel),
      (count) => count > 3,
      120_000,
    );
    console.log(`first points ${Date.now() - clicked} ms after Start`);
    for (const name of ["memory", "utilisation", "temperature"]) {
      await eventually(
        name,
        () => points(name),
        (count) => count > 0,
      );
    }
    expect(await text("utilisation")).toMatch(/^\d+ %$/);
    expect(await text("temperature")).toMatch(/^\d+ °C$/);
    expect(await text("memory")).toMatch(/GB/);
    await workbench.screenshotsInBothThemes("3-running");
    await panel.getByTestId("curve-temperature").scrollIntoViewIfNeeded();
    await workbench.screenshot("3b-charts");
  });

  it("pauses, takes another learning rate and goes on", async () => {
    await button(panel, "Pause").click();
    await inState(panel, "paused");
    await workbench.screenshot("4-paused");
    await button(panel, "Continue").click();
    await inState(panel, "running");
  });

  it("lets another run wait for it", async () => {
    const first = lastRun();
    await plan("few.jsonl");
    await panel.getByText("Waits for questions: Start puts it in the queue.").waitFor();
    await workbench.screenshotsInBothThemes("5-plan-waits");
    await button(panel, "Start").click();
    await eventually(
      "two runs",
      () => workbench.runs(),
      (runs) => runs.length === 2,
    );
    await showRuns(workbench);
    await workbench.screenshot("5b-queue");
    await runRow(workbench, spec(first).name).click();
    panel = await runPanel(workbench, spec(first).name);
    await inState(panel, "finished");
    await workbench.screenshotsInBothThemes("6-finished");
    const lines = workbench.events(first);
    const ofType = (type: string) => lines.filter((event) => event.type === type);
    const losses = ofType("eval").map(({ loss }) => Number(loss));
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
    for (const type of ["start", "plan", "memory", "done"]) console.log(JSON.stringify(ofType(type).at(-1)));
  });

  it("starts the one that waited", async () => {
    const second = lastRun();
    await runRow(workbench, spec(second).name).click();
    panel = await runPanel(workbench, spec(second).name);
    await inState(panel, "finished");
    expect(events("done")).toHaveLength(1);
    await workbench.screenshot("7-second");
  });

  it("judges the larger run on the GPU", async () => {
    const [first] = workbench.runs();
    await runRow(workbench, spec(first!).name).click();
    panel = await runPanel(workbench, spec(first!).name);
    await panel.getByTestId("evaluate").click();
    await panel.getByTestId("evaluation-table").waitFor({ timeout: RUN_MS });
    await panel.getByTestId("evaluation").scrollIntoViewIfNeeded();
    await workbench.screenshotsInBothThemes("8-evaluation");
  });
});
