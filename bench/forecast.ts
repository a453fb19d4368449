/**
 * What a forecast says before a run against what the run then takes, on the CPU: five shapes of model and data. Bar for
 * the forecast by a dry run: minutes within 20 %, memory within 10 %. Beside it the forecast by arithmetic alone and
 * the one that knows the speed of the run just made. The run goes the product's way: counted, forecast, prepared, trained
 * by the engine; its time is that of the process, its memory what its `memory` event says, with the peak beside it.
 *
 *   npm run bench:forecast [-- SHAPE …]
 */
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

const TINY = resolve("models/tiny-python");
const SAMPLE = resolve("../shared/data/instruct/python-alpaca-1200.jsonl");
const ENGINE = resolve("build/native/release/tunesmith-engine");
/** A shorter run says little. */
const RUN_SECONDS = 30;
const MINUTES_BAR = 0.2;
const MEMORY_BAR = 0.1;

interface Row {
  instruction: string;
  input: string;
  output: string;
}

interface Sizes {
  hidden: number;
  intermediate: number;
  layers: number;
  heads: number;
  kvHeads: number;
}

interface Shape {
  name: string;
  /** Null: models/tiny-python. */
  sizes: Sizes | null;
  rows: (all: readonly Row[]) => Row[];
  settings: (defaults: ReturnType<typeof defaultSettings>) => Partial<NewRun>;
}

const joined = (all: readonly Row[], count: number): Row[] =>
  Array.from({ length: Math.floor(all.length / count) }, (_, index) => {
    const part = all.slice(index * count, (index + 1) * count);
    return { ...part[0]!, output: part.map(({ output }) => output).join("\n\n") };
  });

const shapes: readonly Shape[] = [
  {
    name: "defaults",
    sizes: null,
    rows: (all) => all.slice(0, 300),
    settings: () => ({}),
  },
  {
    name: "short-rows-block",
    sizes: null,
    rows: (all) => all.filter(({ output }) => output.length < 200).slice(0, 300),
    settings: ({ training }) => ({
      sequenceLength: 128,
      training: { ...training, sequencesPerStep: 8, recompute: "block", evalEvery: 0, checkpointEvery: 0 },
    }),
  },
  {
    name: "wide-shallow",
    sizes: { hidden: 768, intermediate: 2048, layers: 3, heads: 12, kvHeads: 4 },
    rows: (all) => all.slice(0, 300),
    settings: ({ training, lora }) => ({
      sequenceLength: 256,
      lora: { ...lora, rank: 8, alpha: 16 },
      training: { ...training, recompute: "none" },
    }),
  },
  {
    name: "deep-long-rows",
    sizes: { hidden: 256, intermediate: 704, layers: 14, heads: 8, kvHeads: 4 },
    rows: (all) => joined(all, 8),
    settings: ({ training }) => ({
      sequenceLength: 2048,
      training: { ...training, sequencesPerStep: 2, recompute: "gate-up" },
    }),
  },
  {
    name: "many-evaluations",
    sizes: null,
    rows: (all) => all.slice(0, 400),
    settings: ({ training, lora }) => ({
      sequenceLength: 512,
      lora: { ...lora, rank: 64, alpha: 128 },
      training: { ...training, sequencesPerStep: 2, evalEvery: 10, checkpointEvery: 5 },
    }),
  },
];

function sampleRows(): Row[] {
  if (!existsSync(SAMPLE)) throw new Error(`${SAMPLE} is missing: the bench needs real rows.`);
  const lines = readFileSync(SAMPLE, "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Row);
}

/** A model of these sizes with random weights in bfloat16, and tiny-python's tokenizer. */
function writeModel(folder: string, { hidden, intermediate, layers, heads, kvHeads }: Sizes): void {
  mkdirSync(folder, { recursive: true });
  const config = JSON.parse(readFileSync(join(TINY, "config.json"), "utf8"));
  const vocabulary: number = config.vocab_size;
  const headDim = hidden / heads;
  Object.assign(config, {
    hidden_size: hidden,
    intermediate_size: intermediate,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    head_dim: headDim,
  });
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  for (const file of ["tokenizer.json", "generation_config.json"]) copyFileSync(join(TINY, file), join(folder, file));
  const tensors: [string, number[]][] = [
    ["model.embed_tokens.weight", [vocabulary, hidden]],
    ["model.norm.weight", [hidden]],
  ];
  for (let layer = 0; layer < layers; layer++) {
    const prefix = `model.layers.${layer}`;
    tensors.push(
      [`${prefix}.input_layernorm.weight`, [hidden]],
      [`${prefix}.post_attention_layernorm.weight`, [hidden]],
      [`${prefix}.self_attn.q_proj.weight`, [hidden, hidden]],
      [`${prefix}.self_attn.k_proj.weight`, [kvHeads * headDim, hidden]],
      [`${prefix}.self_attn.v_proj.weight`, [kvHeads * headDim, hidden]],
      [`${prefix}.self_attn.o_proj.weight`, [hidden, hidden]],
      [`${prefix}.mlp.gate_proj.weight`, [intermediate, hidden]],
      [`${prefix}.mlp.up_proj.weight`, [intermediate, hidden]],
      [`${prefix}.mlp.down_proj.weight`, [hidden, intermediate]],
    );
  }
  writeFileSync(join(folder, "model.safetensors"), safetensorsOf(tensors));
}

function safetensorsOf(tensors: readonly [string, number[]][]): Buffer {
  const header: Record<string, object> = {};
  const parts: Buffer[] = [];
  let offset = 0;
  let seed = 1;
  for (const [name, shape] of tensors) {
    const count = shape.reduce((product, size) => product * size, 1);
    const values = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      values[i] = shape.length === 1 ? 1 : (seed / 2 ** 32 - 0.5) * 0.08;
    }
    const bits = new Uint32Array(values.buffer);
    const bfloat16 = Uint16Array.from(bits, (value) => value >>> 16);
    header[name] = { dtype: "BF16", shape, data_offsets: [offset, offset + count * 2] };
    offset += count * 2;
    parts.push(Buffer.from(bfloat16.buffer));
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...parts]);
}

interface Taken {
  seconds: number;
  usedBytes: number;
  peakBytes: number;
}

/** Trains in a process of its own, and looks at its memory ten times a second. */
async function train(directory: string): Promise<Taken> {
  const begin = performance.now();
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
  const seconds = (performance.now() - begin) / 1000;
  const events = readFileSync(join(directory, "events.jsonl"), "utf8").trimEnd().split("\n");
  const memory = events.map((line) => JSON.parse(line) as EngineEvent).find(({ type }) => type === "memory");
  if (memory?.type !== "memory") throw new Error("The run told nothing of its memory.");
  return { seconds, usedBytes: memory.usedBytes, peakBytes };
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
  const counted = await summarize({ ...dataset, sequenceLength, seed: training.seed }, await loadTokenizer(model));
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

async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  const chosen = shapes.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
  if (chosen.length === 0) throw new Error(`Name shapes out of ${shapes.map(({ name }) => name).join(", ")}.`);
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
  console.log(
    met
      ? "Minutes within 20 %, memory within 10 % by the dry run."
      : "The bar is missed: minutes within 20 %, memory within 10 % by the dry run.",
  );
  process.exitCode = met ? 0 : 1;
}

void main();
