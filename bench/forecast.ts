/**
 * What a forecast says before a run against what the run then takes, on the CPU: five shapes of model and data. Bar for
 * the forecast by a dry run: minutes within 20 %, memory within 10 %. Beside it the forecast by arithmetic alone and
 * the one that knows the speed of the run just made. The run goes the product's way: counted, forecast, prepared, trained
 * by the engine; its time is that of the process, its memory what its `memory` event says, with the peak beside it.
 *
 * Below them what each part of a run was forecast to take and took, since errors of opposite signs hide in a sum.
 *
 *   npm run bench:forecast [-- SHAPE …]    five shapes; "others" names six more, "all" both
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { prepareRun } from "../src/dataset/prepare";
import { summarize } from "../src/dataset/summarize";
import { loadTokenizer } from "../src/dataset/tokenizer";
import type { EngineEvent, EnginePlan } from "../src/protocol/engine";
import { type ForecastRequest, forecastData, forecastRun } from "../src/run/forecast";
import { pinHeldOutInstructions } from "../src/run/heldOutSamples";
import { createRun, type NewRun } from "../src/run/runDirectory";
import { defaultHeldOut, defaultSettings } from "../src/run/runSpec";
import { SAMPLE_TOKENS } from "../src/run/samples";
import { TINY, writeModel } from "./forecast/model";
import { type Parts, partsOf } from "./forecast/parts";
import { others, type Row, type Shape, shapes } from "./forecast/shapes";

const SAMPLE = resolve("../shared/data/instruct/python-alpaca-1200.jsonl");
const ENGINE = resolve("build/native/release/tunesmith-engine");
/** A shorter run says little. */
const RUN_SECONDS = 30;
const MINUTES_BAR = 0.2;
const MEMORY_BAR = 0.1;

function sampleRows(): Row[] {
  if (!existsSync(SAMPLE)) throw new Error(`${SAMPLE} is missing: the bench needs real rows.`);
  const lines = readFileSync(SAMPLE, "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Row);
}

interface Taken {
  seconds: number;
  tokens: number;
  parts: Parts;
  usedBytes: number;
  peakBytes: number;
}

/** Trains in a process of its own, and looks at its memory ten times a second. */
async function train(directory: string): Promise<Taken> {
  const begin = Date.now();
  const child = spawn(ENGINE, ["train", "--run", directory], { stdio: ["ignore", "ignore", "inherit"] });
  let peakBytes = 0;
  const look = setInterval(() => {
    try {
      const [, kilobytes] = /RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8")) ?? [];
      peakBytes = Math.max(peakBytes, Number(kilobytes ?? 0) * 1024);
    } catch {
      // It has just ended.
    }
  }, 100);
  const code = await new Promise<number | null>((done) => child.on("close", done));
  clearInterval(look);
  if (code !== 0) throw new Error(`The engine ended with ${code}.`);
  const end = Date.now();
  const lines = readFileSync(join(directory, "events.jsonl"), "utf8").trimEnd().split("\n");
  const events = lines.map((line) => JSON.parse(line) as EngineEvent);
  const memory = events.find((event) => event.type === "memory");
  const done = events.find((event) => event.type === "done");
  if (memory === undefined || done === undefined) throw new Error("The run did not tell its memory and its end.");
  const parts = partsOf(events, begin, end);
  return { seconds: (end - begin) / 1000, tokens: done.tokens, parts, usedBytes: memory.usedBytes, peakBytes };
}

interface Result {
  name: string;
  steps: number;
  taken: Taken;
  measured: EnginePlan;
  measuringSeconds: number;
  arithmetic: EnginePlan;
  afterwards: EnginePlan;
}

async function compare(shape: Shape, folder: string): Promise<Result> {
  const model = shape.sizes === null ? TINY : join(folder, "model");
  if (shape.sizes !== null) writeModel(model, shape.sizes);
  const path = join(folder, "rows.jsonl");
  const rows = shape.rows(sampleRows());
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const run: NewRun = {
    ...defaultSettings(),
    name: shape.name,
    model: { path: model, quantization: "none" },
    dataset: { path, format: "auto", template: "auto", heldOut: defaultHeldOut, maxTrainRows: null, maxEvalRows: null },
    ...shape.settings(defaultSettings()),
    device: "cpu",
    threads: cpus().length,
  };
  const { sequenceLength, training, dataset } = run;
  const counting = { ...dataset, sequenceLength, seed: training.seed };
  const counted = await summarize(counting, await loadTokenizer(model), { answerTokens: SAMPLE_TOKENS });
  const ask = (steps: number, extra: Partial<ForecastRequest> = {}) =>
    forecastRun({
      engine: ENGINE,
      run: { ...run, training: { ...training, steps, epochs: null } },
      ...forecastData(counted),
      runsFolder: null,
      ...extra,
    });
  const onMeasuring = () => {};
  const trial = await ask(20, { onMeasuring });
  const steps = Math.max(4, Math.round((20 * RUN_SECONDS) / trial.seconds));
  const begin = performance.now();
  const measured = await ask(steps, { onMeasuring });
  const measuringSeconds = (performance.now() - begin) / 1000;
  const arithmetic = await ask(steps);
  const runs = join(folder, "runs");
  const asked = { ...run, training: { ...training, steps, epochs: null } };
  const { directory, spec } = await createRun(runs, asked);
  await prepareRun(spec, directory);
  await pinHeldOutInstructions(directory);
  const taken = await train(directory);
  const afterwards = await ask(steps, { runsFolder: runs });
  return { name: shape.name, steps, taken, measured, measuringSeconds, arithmetic, afterwards };
}

const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(0);

function report(results: readonly Result[]): boolean {
  const ratio = (forecast: number, taken: number) => (forecast / taken).toFixed(2);
  const table: Record<string, Record<string, string | number>> = {};
  let met = true;
  for (const { name, steps, taken, measured, measuringSeconds, arithmetic, afterwards } of results) {
    const bytes = measured.measuredBytes ?? measured.forecastBytes;
    const time = measured.seconds / taken.seconds;
    const memory = bytes / taken.usedBytes;
    met &&= Math.abs(time - 1) <= MINUTES_BAR && Math.abs(memory - 1) <= MEMORY_BAR;
    table[name] = {
      steps,
      "took s": taken.seconds.toFixed(1),
      "measured s": measured.seconds.toFixed(1),
      "time ratio": time.toFixed(2),
      "by arithmetic": ratio(arithmetic.seconds, taken.seconds),
      "by the run": ratio(afterwards.seconds, taken.seconds),
      "used MiB": mebibytes(taken.usedBytes),
      "peak MiB": mebibytes(taken.peakBytes),
      "measured MiB": mebibytes(bytes),
      "memory ratio": memory.toFixed(2),
      "plan ratio": ratio(arithmetic.forecastBytes, taken.usedBytes),
      "measuring s": measuringSeconds.toFixed(1),
    };
  }
  console.table(table);
  return met;
}

/** Each part as "forecast / taken", in seconds; training's tokens in thousands. */
function reportParts(results: readonly Result[]): void {
  const table: Record<string, Record<string, string>> = {};
  const both = (forecast: number, taken: number) => `${forecast.toFixed(2)} / ${taken.toFixed(2)}`;
  for (const { name, taken, measured } of results) {
    table[name] = {
      start: both(measured.startSeconds, taken.parts.start),
      training: both(measured.trainingSeconds, taken.parts.training),
      "k tokens": both(measured.tokens / 1000, taken.tokens / 1000),
      evaluations: both(measured.evaluationSeconds, taken.parts.evaluation),
      answers: both(measured.answerSeconds, taken.parts.answer),
      checkpoints: both(measured.checkpointSeconds, taken.parts.checkpoint),
    };
  }
  console.table(table);
}

function chosenShapes(wanted: readonly string[]): readonly Shape[] {
  if (wanted.length === 0) return shapes;
  const all = [...shapes, ...others];
  if (wanted.includes("all")) return all;
  const chosen = wanted.includes("others") ? others : all.filter(({ name }) => wanted.includes(name));
  if (chosen.length === 0) throw new Error(`Name shapes out of ${all.map(({ name }) => name).join(", ")}.`);
  return chosen;
}

async function main(): Promise<void> {
  const chosen = chosenShapes(process.argv.slice(2));
  console.log(`${cpus()[0]?.model ?? "CPU"}, ${cpus().length} cores, load ${loadavg()[0]!.toFixed(1)}`);
  const results: Result[] = [];
  for (const shape of chosen) {
    const folder = mkdtempSync(join(tmpdir(), "tunesmith-bench-"));
    try {
      results.push(await compare(shape, folder));
      console.log(`${shape.name}: load ${loadavg()[0]!.toFixed(1)}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const met = report(results);
  reportParts(results);
  const ratios = results.map(({ measured, taken }) => measured.seconds / taken.seconds);
  const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
  console.log(`The mean of the minutes' ratios by the dry run: ${mean.toFixed(3)}.`);
  console.log(
    met
      ? "Minutes within 20 %, memory within 10 % by the dry run."
      : "The bar is missed: minutes within 20 %, memory within 10 % by the dry run.",
  );
  process.exitCode = met ? 0 : 1;
}

void main();
