import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import type { RunSpec } from "../protocol/run";
import { childStart } from "./childStart";
import { runPaths } from "./runDirectory";
import { temporaryRun } from "./testing/testRun";

let directory: string;
let spec: RunSpec;

beforeEach(async () => {
  ({ directory, spec } = await temporaryRun());
});

/** As the engine writes one of the run's adapters. */
function addAdapter(folder: string, changes: object = {}): string {
  mkdirSync(folder, { recursive: true });
  const { rank, alpha, targets } = spec.lora;
  const config = { r: rank, lora_alpha: alpha, target_modules: targets, use_rslora: false, ...changes };
  writeFileSync(join(folder, "adapter_config.json"), JSON.stringify(config));
  return folder;
}

const addCheckpoint = (step: number, changes?: object) =>
  addAdapter(join(runPaths(directory).checkpoints, `step-${step}`), changes);

function finish(fields: object): void {
  const done = {
    type: "done",
    reason: "finished",
    time: 1,
    attempt: 1,
    step: 60,
    totalSteps: 90,
    tokens: 1,
    seconds: 1,
  };
  const event = { ...done, evalLossBefore: 2, evalLossAfter: 1, ...fields };
  writeFileSync(runPaths(directory).events, `${JSON.stringify(event)}\n`);
}

it("starts where nothing was learned yet with a fresh adapter", async () => {
  expect(await childStart(directory, spec, false)).toEqual({ step: 0 });
  expect(await childStart(directory, spec, true)).toEqual({ step: 0 });
});

it("starts from the newest checkpoint of a run that was stopped", async () => {
  addCheckpoint(9);
  const adapter = addCheckpoint(10);
  addAdapter(runPaths(directory).adapter);
  expect(await childStart(directory, spec, false)).toEqual({ step: 10, adapter });
  finish({ reason: "stopped" });
  expect(await childStart(directory, spec, false)).toEqual({ step: 10, adapter });
});

it("starts from the tuned model of a finished run, at the step that it is of", async () => {
  addCheckpoint(60);
  finish({ early: true, adapterStep: 40 });
  expect((await childStart(directory, spec, false)).step).toBe(60);
  const adapter = addAdapter(runPaths(directory).adapter);
  expect(await childStart(directory, spec, false)).toEqual({ step: 40, adapter });
  finish({});
  expect(await childStart(directory, spec, false)).toEqual({ step: 60, adapter });
});

it.each([
  ["lora.rank", { rank: 32 }],
  ["lora.alpha", { alpha: 8 }],
  ["lora.targets", { targets: ["q_proj"] }],
  ["lora.rankStabilised", { rankStabilised: true }],
] as [string, Partial<RunSpec["lora"]>][])("leaves an adapter behind that has another %s", async (name, changed) => {
  addCheckpoint(10);
  const asked = { lora: { ...spec.lora, ...changed } };
  expect(await childStart(directory, asked, false)).toEqual({ step: 0, leftBehind: [name] });
});

it("takes an adapter whose targets are in another order, and that was dropped out otherwise", async () => {
  addCheckpoint(10, { target_modules: [...spec.lora.targets].reverse(), use_rslora: null });
  const asked = { lora: { ...spec.lora, dropout: 0.5 } };
  expect((await childStart(directory, asked, false)).step).toBe(10);
});

it("leaves everything behind where the base model is another one", async () => {
  addCheckpoint(10);
  expect(await childStart(directory, spec, true)).toEqual({ step: 0, leftBehind: "model" });
});

it("says which file of an adapter cannot be read", async () => {
  const folder = addCheckpoint(10, { r: "many" });
  const file = join(folder, "adapter_config.json");
  await expect(childStart(directory, spec, false)).rejects.toThrow(`${file} does not describe an adapter`);
});
