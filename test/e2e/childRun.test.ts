/** A run whose data set has changed is not resumed as if nothing had happened: a child run starts from its checkpoint. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addPreparedRun, datasetOf, runRow, showRuns } from "./preparedRun";
import { button, inState, pointsIn, runPanel } from "./runPanel";
import { eventually, Workbench } from "./workbench";

describe("a run whose data set has changed", () => {
  let workbench: Workbench;
  let directory: string;

  const dialog = () => workbench.page.locator(".monaco-dialog-box");
  const step = () => workbench.events(basename(directory)).findLast((event) => event.type === "step")?.step ?? 0;

  beforeAll(async () => {
    workbench = await Workbench.start({ name: "child", theme: "light", writeWorkspace: (folder) => mkdirSync(folder) });
    directory = await addPreparedRun(workbench.workspace, { name: "answers", steps: 400, checkpointEvery: 10 });
  });
  afterAll(() => workbench?.stop());

  it("is not resumed without a word", async () => {
    await showRuns(workbench);
    await workbench.contextMenu(runRow(workbench, "answers"), "Resume Run");
    await eventually("steps", step, (count) => count >= 25, 60_000);
    await workbench.contextMenu(runRow(workbench, "answers"), "Stop Run");
    await runRow(workbench, "answers").click();
    const panel = await runPanel(workbench, "answers");
    await inState(panel, "stopped");
    appendFileSync(
      datasetOf(workbench.workspace, "answers"),
      '{"instruction":"Return one more.","input":"","output":"def one_more():\\n    return 61"}\n',
    );
    await button(panel, "Resume").click();
    await dialog().getByText("answers.jsonl has 61 rows, 60 when the run was prepared.").waitFor();
    await workbench.screenshot("1-refused");
    const before = workbench.events(basename(directory)).length;
    await dialog().getByRole("button", { name: "Cancel" }).click();
    await inState(panel, "stopped");
    expect(workbench.events(basename(directory))).toHaveLength(before);
  });

  it("goes on as a child run with the data as they are now", async () => {
    const parent = await runPanel(workbench, "answers");
    await button(parent, "Resume").click();
    await dialog().getByRole("button", { name: "Start Child Run" }).click();
    const child = await eventually(
      "the child's folder",
      () => workbench.runs().find((run) => run !== basename(directory)),
      (run) => run !== undefined,
    );
    const folder = join(workbench.workspace, ".tunesmith", "runs", child!);
    const spec = JSON.parse(readFileSync(join(folder, "run.json"), "utf8"));
    expect(spec.parent).toMatchObject({ run: basename(directory), step: expect.any(Number) });
    expect(spec.model.adapter).toBe(join(folder, "initial-adapter"));
    expect(existsSync(join(folder, "initial-adapter", "adapter_model.safetensors"))).toBe(true);
    const page = await eventually(
      "the child's page",
      () => workbench.webview("[data-testid='parent-run']"),
      (frame) => frame !== undefined,
    );
    expect(await page.getByTestId("parent-run").textContent()).toMatch(/Goes on from step \d+ of answers/);
    await eventually(
      "points",
      () => pointsIn(page),
      (count) => count >= 3,
      60_000,
    );
    const manifest = JSON.parse(readFileSync(join(folder, "data", "manifest.json"), "utf8"));
    expect(manifest.sources[0].rows).toBe(61);
    await workbench.screenshotsIn(["light", "dark", "contrast"], "2-child");
    await workbench.contextMenu(runRow(workbench, "answers, from step \\d+"), "Stop Run");
    await inState(page, "stopped");
  });

  it("goes on with the rows as they were where that is asked for", async () => {
    await workbench.contextMenu(runRow(workbench, "answers"), "Resume Run");
    await dialog().getByRole("button", { name: "Resume With the Prepared Data" }).click();
    const starts = await eventually(
      "a second attempt",
      () => workbench.events(basename(directory)).filter((event) => event.type === "start"),
      (events) => events.length === 2,
      60_000,
    );
    expect(starts[1]?.resumedFrom).toBeGreaterThan(0);
  });

  it("starts a child afresh where the adapter no longer fits, and says so", async () => {
    await workbench.contextMenu(runRow(workbench, "answers"), "Stop Run");
    await runRow(workbench, "answers").click();
    const panel = await runPanel(workbench, "answers");
    await inState(panel, "stopped");
    const file = join(directory, "run.json");
    const run = JSON.parse(readFileSync(file, "utf8"));
    run.lora.rank = 8;
    run.dataset.weight = 2;
    writeFileSync(file, JSON.stringify(run));
    const before = workbench.runs();
    await workbench.contextMenu(runRow(workbench, "answers"), "Resume Run");
    for (const change of ["dataset.weight was 1 and is 2 in run.json.", "lora.rank was 4 and is 8 in run.json."]) {
      await dialog().getByText(change).waitFor();
    }
    await dialog().getByText("what this run has learned does not fit lora.rank of run.json.").waitFor();
    expect(await dialog().getByRole("button", { name: "Resume With the Prepared Data" }).count()).toBe(0);
    await workbench.screenshot("3-afresh");
    await dialog().getByRole("button", { name: "Start Child Run" }).click();
    const child = await eventually(
      "the child's folder",
      () => workbench.runs().find((name) => !before.includes(name)),
      (name) => name !== undefined,
    );
    const spec = JSON.parse(readFileSync(join(workbench.workspace, ".tunesmith", "runs", child!, "run.json"), "utf8"));
    expect(spec.parent).toEqual({ run: basename(directory), step: 0 });
    expect(spec.model.adapter).toBeUndefined();
    expect(spec.lora.rank).toBe(8);
    await eventually(
      "steps",
      () => workbench.events(child!).filter((event) => event.type === "step").length,
      (count) => count >= 3,
      60_000,
    );
    await workbench.contextMenu(runRow(workbench, "answers, from step 0"), "Stop Run");
  });
});
