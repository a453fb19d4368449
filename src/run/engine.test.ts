import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { prepareRun } from "../dataset/prepare";
import { forecastRun } from "./forecast";
import { launchEngine } from "./launch";
import { measurementAt } from "./measurementLine";
import { createRun, type NewRun, runPaths } from "./runDirectory";
import { RunMonitor, readSnapshot } from "./runMonitor";
import { defaultSettings } from "./runSpec";
import { brokenSpecs, validSpec } from "./testing/brokenSpecs";
import { realEngine, tinyPython, writeRows } from "./testing/engine";
import { newRun, temporaryFolder, until } from "./testing/testRun";

let engine: string;
beforeAll(async () => {
  engine = await realEngine();
});

/** A run of a few dozen steps of a few dozen tokens each. */
async function preparedRun(
  changes: Partial<NewRun["training"]>,
  dataset: Partial<NewRun["dataset"]> = {},
): Promise<string> {
  const folder = temporaryFolder();
  const defaults = defaultSettings();
  const run = newRun({
    model: { path: tinyPython, quantization: "none" },
    dataset: { ...newRun().dataset, path: writeRows(join(folder, "rows.jsonl"), 60), maxEvalRows: 2, ...dataset },
    sequenceLength: 128,
    lora: { ...defaults.lora, rank: 4, alpha: 8 },
    training: { ...defaults.training, sequencesPerStep: 1, evalEvery: 0, epochs: null, ...changes },
    threads: 1,
  });
  const { directory, spec } = await createRun(join(folder, "runs"), run);
  await prepareRun(spec, directory);
  return directory;
}

const adapter = (directory: string) => readFileSync(join(runPaths(directory).adapter, "adapter_model.safetensors"));

describe("the engine's own check of run.json", () => {
  it.each(brokenSpecs)("names the same field: $name", async ({ change, field }) => {
    const directory = temporaryFolder();
    const spec = structuredClone(validSpec());
    change(spec);
    writeFileSync(join(directory, "run.json"), JSON.stringify(spec));
    const failure = await promisify(execFile)(engine, ["train", "--run", directory]).then(
      () => null,
      (error: { code: number; stderr: string }) => error,
    );
    expect(failure?.code).toBe(1);
    expect(failure?.stderr).toContain(`run.json: ${field} `);
    expect(failure?.stderr.trim().split("\n")).toHaveLength(1);
  });
});

describe("the engine's forecast", () => {
  const request = (changes: Partial<NewRun> = {}) => ({
    engine,
    run: newRun({ model: { path: tinyPython, quantization: "none" }, device: "cpu", ...changes }),
    trainTokens: 100_000,
    evalTokens: 10_000,
    runsFolder: null,
  });

  it("says what a run would take, without its data", async () => {
    const plan = await forecastRun(request());
    expect(plan).toMatchObject({ device: "cpu", why: "", measured: false, recompute: "none" });
    expect(plan.parameters).toBeGreaterThan(15e6);
    expect(plan.forecastBytes).toBeGreaterThan(plan.parameters * 4);
    expect(plan.steps).toBe(Math.ceil(100_000 / 1024 / 4));
    expect(plan.seconds).toBeGreaterThan(0);
  });

  it("takes no more memory than the longest row needs where rows are not packed", async () => {
    const packed = (packing: boolean) => ({ sequenceLength: 1024, packing, train: 1000, longest: 128 });
    const together = await forecastRun({ ...request(), packed: packed(true) });
    const apart = request({ dataset: { ...newRun().dataset, packing: false } });
    const plan = await forecastRun({ ...apart, packed: packed(false) });
    expect(plan.steps).toBe(250);
    expect(plan.forecastBytes).toBeLessThan(together.forecastBytes / 2);
  });

  it("says what would fit where the run does not", async () => {
    await expect(forecastRun(request({ memoryBudget: 100 * 2 ** 20 }))).rejects.toThrow(
      /^The run needs \d+ MiB of memory at least and 100 MiB can be used: .*packed sequences of \d+ tokens instead of 1024 \(/,
    );
  });
});

it("takes a step for as many rows as sequences are asked for where rows are not packed", async () => {
  const training = { epochs: 1, sequencesPerStep: 16, checkpointEvery: 0 };
  const directory = await preparedRun(training, { packing: false });
  const { train } = JSON.parse(readFileSync(join(runPaths(directory).data, "manifest.json"), "utf8"));
  await launchEngine(directory, engine);
  await until(async () => (await readSnapshot(directory)).state === "finished");
  expect(train.sequences).toBe(train.rows);
  expect((await readSnapshot(directory)).step).toBe(Math.ceil(train.rows / 16));
});

describe("a killed engine", () => {
  it("is seen as failed, and a new one goes on from the checkpoint to the same result", async () => {
    const whole = await preparedRun({ steps: 12, checkpointEvery: 3 });
    await launchEngine(whole, engine);
    await until(async () => (await readSnapshot(whole)).state === "finished");

    const directory = await preparedRun({ steps: 12, checkpointEvery: 3 });
    const { pid } = await launchEngine(directory, engine);
    const monitor = await RunMonitor.open(directory);
    await monitor.follow(() => {});
    await until(() => monitor.head().step >= 4 || monitor.head().state === "finished");
    process.kill(pid, "SIGKILL");
    await until(() => monitor.head().state === "failed");
    const { cause, checkpointStep } = monitor.head();
    expect(checkpointStep).toBeGreaterThanOrEqual(3);
    expect(cause).toMatch(/^The engine ended unexpectedly at step \d+; the checkpoint of step \d+ is kept\.$/);

    await launchEngine(directory, engine);
    await until(() => monitor.head().state === "finished");
    await monitor.close();
    expect(monitor.history.start).toMatchObject({ attempt: 2, resumedFrom: checkpointStep });
    expect(monitor.skippedLines).toBe(0);
    const { curve } = monitor.snapshot();
    expect(curve).toEqual((await readSnapshot(whole)).curve);
    expect(adapter(directory).equals(adapter(whole))).toBe(true);
  });
});

it("writes steps in the way by which they are told without being parsed", async () => {
  const directory = await preparedRun({ steps: 3, checkpointEvery: 3 });
  await launchEngine(directory, engine);
  await until(async () => (await readSnapshot(directory)).state === "finished");
  const lines = readFileSync(runPaths(directory).events, "utf8").trim().split("\n");
  const told = lines.filter((line) => measurementAt(Buffer.from(line), 0, 1) === "step");
  expect(told.map((line) => JSON.parse(line).step)).toEqual([1, 2, 3]);
});
