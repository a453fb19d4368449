import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { prepareRun } from "../dataset/prepare";
import { launchEngine } from "./launch";
import { createRun, runPaths } from "./runDirectory";
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
async function preparedRun(changes: { steps: number; checkpointEvery: number }): Promise<string> {
  const folder = temporaryFolder();
  const defaults = defaultSettings();
  const run = newRun({
    model: { path: tinyPython, quantization: "none" },
    dataset: { ...newRun().dataset, path: writeRows(join(folder, "rows.jsonl"), 60), maxEvalRows: 2 },
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
