import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { prepareRun } from "../../dataset/prepare";
import type { EngineEvent } from "../../protocol/engine";
import { createRun, runPaths } from "../runDirectory";
import { readSnapshot } from "../runMonitor";
import { defaultSettings } from "../runSpec";
import { realEngine, tinyPython, writeRows } from "../testing/engine";
import { newRun } from "../testing/testRun";
import { readEventFile, readScalars } from "./testing/eventFile";

const STEPS = 9;
let engine: string;
let directory: string;
let folder: string;

const train = () => promisify(execFile)(engine, ["train", "--run", directory]);
const events = () =>
  readFileSync(runPaths(directory).events, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as EngineEvent);
const ofType = <T extends EngineEvent["type"]>(type: T) =>
  events().filter((event): event is Extract<EngineEvent, { type: T }> => event.type === type);
const eventFiles = () => {
  const curves = join(directory, "tensorboard");
  return readdirSync(curves)
    .sort()
    .map((name) => readFileSync(join(curves, name)));
};
const trainerState = (checkpoint = "") =>
  JSON.parse(readFileSync(join(directory, checkpoint, "trainer_state.json"), "utf8"));

beforeAll(async () => {
  engine = await realEngine();
  folder = mkdtempSync(join(tmpdir(), "tunesmith-run-"));
  const defaults = defaultSettings();
  const run = newRun({
    model: { path: tinyPython, quantization: "none" },
    dataset: { ...newRun().dataset, path: writeRows(join(folder, "rows.jsonl"), 40), maxEvalRows: 2 },
    sequenceLength: 128,
    lora: { ...defaults.lora, rank: 4, alpha: 8 },
    training: {
      ...defaults.training,
      sequencesPerStep: 1,
      epochs: null,
      steps: STEPS,
      evalEvery: 3,
      checkpointEvery: 3,
      keepCheckpoints: 5,
    },
    threads: 1,
    device: "cpu",
  });
  const created = await createRun(join(folder, "runs"), run);
  directory = created.directory;
  await prepareRun(created.spec, directory);
  await train();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a run's files for other programs", () => {
  it("tell TensorBoard what the events tell", () => {
    const [first, ...more] = eventFiles();
    expect(more).toEqual([]);
    const read = readEventFile(first!);
    expect(read[0]).toMatchObject({ fileVersion: "brain.Event:2", step: 0, values: [] });
    expect(read.filter(({ sessionStatus }) => sessionStatus !== undefined)).toEqual([]);
    const text = read.flatMap(({ values }) => values).find(({ tag }) => tag === "run.json");
    expect(text?.plugin).toBe("text");
    expect(JSON.parse(text!.text!)).toEqual(JSON.parse(readFileSync(runPaths(directory).spec, "utf8")));
    const start = ofType("start")[0]!.time / 1000;
    for (const { wallTime } of read) expect(Math.abs(wallTime - start)).toBeLessThan(3600);

    const scalars = readScalars([first!]);
    const points = (tag: string) => [...scalars.get(tag)!];
    const steps = ofType("step");
    expect(steps).toHaveLength(STEPS);
    expect(points("train/loss")).toEqual(steps.map(({ step, loss }) => [step, Math.fround(loss)]));
    expect(points("train/learning_rate")).toEqual(steps.map((event) => [event.step, Math.fround(event.learningRate)]));
    expect(points("train/grad_norm")).toEqual(steps.map((event) => [event.step, Math.fround(event.gradientNorm)]));
    expect(points("train/tokens_per_second")).toEqual(
      steps.map(({ step, tokens, seconds }) => [step, Math.fround(tokens / seconds)]),
    );
    expect(points("eval/loss")).toEqual(ofType("eval").map(({ step, loss }) => [step, Math.fround(loss)]));
    expect(points("train/memory_bytes")).toEqual([[1, Math.fround(ofType("memory")[0]!.usedBytes)]]);
  });

  it("tell Hugging Face's Trainer what the events tell", () => {
    const state = trainerState();
    const evaluations = ofType("eval");
    const best = evaluations
      .filter(({ step }) => step > 0)
      .reduce((least, event) => (event.loss < least.loss ? event : least));
    expect(state).toMatchObject({
      global_step: STEPS,
      max_steps: STEPS,
      best_metric: best.loss,
      best_global_step: best.step,
      best_model_checkpoint: `checkpoints/step-${best.step}`,
      num_input_tokens_seen: ofType("step").reduce((sum, { tokens }) => sum + tokens, 0),
    });
    const log: { step: number; loss?: number; eval_loss?: number; epoch: number }[] = state.log_history;
    expect(log.filter(({ loss }) => loss !== undefined).map(({ step, loss }) => [step, loss])).toEqual(
      ofType("step").map(({ step, loss }) => [step, loss]),
    );
    expect(log.filter((entry) => entry.eval_loss !== undefined).map((entry) => [entry.step, entry.eval_loss])).toEqual(
      evaluations.map(({ step, loss }) => [step, loss]),
    );
    expect(log.map(({ step }) => step)).toEqual(log.map(({ step }) => step).sort((a, b) => a - b));
    expect(trainerState("checkpoints/step-6").global_step).toBe(6);
  });

  it("hold each step once after a resume, in a file of the attempt's own", async () => {
    const before = { state: trainerState(), scalars: readScalars(eventFiles()) };
    rmSync(join(runPaths(directory).checkpoints, "step-9"), { recursive: true });
    await train();
    const files = eventFiles();
    expect(files).toHaveLength(2);
    const second = readEventFile(files[1]!);
    expect(second[1]).toMatchObject({ sessionStatus: 1, step: 7 });
    expect(Math.min(...second.slice(2).map(({ step }) => step))).toBe(7);
    const after = readScalars(files);
    for (const tag of ["train/loss", "train/grad_norm", "eval/loss"]) {
      expect([...after.get(tag)!], tag).toEqual([...before.scalars.get(tag)!]);
    }
    expect(trainerState()).toEqual(before.state);
  });

  it("are no concern of the monitor", async () => {
    expect(await readSnapshot(directory)).toMatchObject({ state: "finished", step: STEPS, cause: null });
    expect(ofType("warning").filter(({ code }) => code === "interchange-failed")).toEqual([]);
  });
});
