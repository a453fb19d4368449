/** Runs as the extension leaves them before their first start: made in the test's process, started in VS Code. */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Locator } from "playwright-core";
import { prepareRun } from "../../src/dataset/prepare";
import { noteProvenance } from "../../src/run/provenance";
import { createRun, runsFolderOf } from "../../src/run/runDirectory";
import { defaultHeldOut, defaultSettings } from "../../src/run/runSpec";
import { clearStartMark } from "../../src/run/startMark";
import { eventually, TUNESMITH_ICON, type Workbench } from "./workbench";

const tinyPython = resolve(__dirname, "../../models/tiny-python");

export interface RunSketch {
  name: string;
  steps: number;
  checkpointEvery?: number;
  evalEvery?: number;
}

export const datasetOf = (workspace: string, name: string) => join(workspace, `${name}.jsonl`);

/** A small run on a data set of its own, with sequences so short that a step takes some hundredths of a second. */
export async function addPreparedRun(workspace: string, sketch: RunSketch): Promise<string> {
  const { directory, spec } = await createSmallRun(workspace, sketch);
  const writeDown = await noteProvenance(directory, spec);
  await prepareRun(spec, directory);
  await writeDown();
  await clearStartMark(directory);
  return directory;
}

/** The same, with so many rows, which are prepared when it is started. */
export async function addUnpreparedRun(workspace: string, sketch: RunSketch, rows: number): Promise<string> {
  const { directory } = await createSmallRun(workspace, sketch, rows);
  await clearStartMark(directory);
  return directory;
}

async function createSmallRun(
  workspace: string,
  { name, steps, checkpointEvery = 20, evalEvery = 50 }: RunSketch,
  length = 60,
): ReturnType<typeof createRun> {
  const dataset = datasetOf(workspace, name);
  const rows = Array.from({ length }, (_, index) => ({
    instruction: `Return ${index}.`,
    input: "",
    output: `def number_${index}():\n    return ${index}`,
  }));
  writeFileSync(dataset, `${rows.map((row) => JSON.stringify(row)).join("\n")}\n`);
  const settings = defaultSettings();
  return createRun(runsFolderOf(workspace), {
    ...settings,
    name,
    model: { path: tinyPython, quantization: "none" },
    dataset: {
      path: dataset,
      format: "auto",
      template: "auto",
      heldOut: defaultHeldOut,
      maxTrainRows: null,
      maxEvalRows: null,
    },
    sequenceLength: 64,
    lora: { ...settings.lora, rank: 4 },
    training: { ...settings.training, steps, epochs: null, sequencesPerStep: 1, evalEvery, checkpointEvery },
    device: "cpu",
    threads: 1,
  });
}

export async function showRuns(workbench: Workbench): Promise<void> {
  const pane = workbench.page.locator(".pane", { hasText: "Runs" }).first();
  // After a reload the view comes back by itself, and a click on the icon in that moment hides it again.
  for (let attempt = 0; attempt < 10; attempt++) {
    const shown = await pane.waitFor({ timeout: 2000 }).then(
      () => true,
      () => false,
    );
    if (shown) return;
    await workbench.page.locator(TUNESMITH_ICON).click();
  }
  throw new Error("The view Runs does not come up.");
}

/** The run's row in the tree; its text ends with what the run is doing. */
export const runRow = (workbench: Workbench, name: string): Locator =>
  workbench.page
    .locator(".pane", { hasText: "Runs" })
    .locator(".monaco-list-row", { has: workbench.page.locator(".label-name", { hasText: new RegExp(`^${name}$`) }) })
    .first();

/** Waits until the run's row in the tree says what matches. */
export const saysInTree = (workbench: Workbench, name: string, pattern: RegExp, timeoutMs = 60_000) =>
  eventually(
    `${name} in the tree`,
    () => runRow(workbench, name).textContent(),
    (text) => pattern.test(text ?? ""),
    timeoutMs,
  );
