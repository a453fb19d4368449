/**
 * How long validating and preparing a data set of 18,000 rows and 12 MB takes. Bar: under 6 s on 2 cores.
 *
 *   npx esbuild bench/dataset-prepare.ts --bundle --platform=node --packages=external --outfile=build/bench/dataset-prepare.cjs
 *   node build/bench/dataset-prepare.cjs [ROWS]
 */
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { prepareRun } from "../src/dataset/prepare";
import { scanFile } from "../src/dataset/scan/scanFile";
import type { RunSpec } from "../src/protocol/run";
import { alpacaRow } from "./data/alpacaRows";

const BAR_SECONDS = 6;
const ROWS = Number(process.argv[2] ?? 18_000);

function spec(path: string): RunSpec {
  return {
    version: 1,
    id: "bench",
    name: "bench",
    createdAt: "2026-01-01T00:00:00Z",
    model: { path: resolve("models/tiny-python"), quantization: "none" },
    dataset: {
      path,
      format: "auto",
      template: "auto",
      heldOut: { kind: "fraction", fraction: 0.1, by: "source" },
      maxTrainRows: null,
      maxEvalRows: null,
    },
    sequenceLength: 1024,
    lora: { rank: 8, alpha: 16, targets: ["q_proj"], dropout: 0, rankStabilised: false },
    optimizer: {
      learningRate: 1e-4,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0,
      clipNorm: 1,
      schedule: "constant",
      warmupSteps: 0,
    },
    training: {
      steps: 1,
      epochs: null,
      sequencesPerStep: 1,
      microBatch: null,
      evalEvery: 1,
      checkpointEvery: 1,
      keepCheckpoints: 1,
      earlyStopping: null,
      seed: 1,
      recompute: "auto",
    },
    device: "cpu",
    threads: 0,
    memoryBudget: null,
  };
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "bench-dataset-"));
  try {
    const path = join(folder, "data.jsonl");
    writeFileSync(path, Array.from({ length: ROWS }, (_, index) => `${alpacaRow(index)}\n`).join(""));
    const cpuStart = process.cpuUsage();
    const start = performance.now();
    const validation = await scanFile(path, { scope: "structure" });
    const validated = performance.now();
    const { manifest } = await prepareRun(spec(path), folder);
    const end = performance.now();
    const { train, eval: held } = manifest;
    const seconds = (end - start) / 1000;
    const cpu = process.cpuUsage(cpuStart);
    const figures = {
      rows: validation.usable,
      bytes: statSync(path).size,
      tokens: train.tokens + held.tokens,
      sequences: train.sequences,
      fill: train.tokens / (train.sequences * manifest.sequenceLength),
      cores: availableParallelism(),
      validateSeconds: (validated - start) / 1000,
      prepareSeconds: (end - validated) / 1000,
      seconds,
      cpuSeconds: (cpu.user + cpu.system) / 1e6,
      peakMemoryMiB: process.resourceUsage().maxRSS / 1024,
      withinBar: seconds < BAR_SECONDS,
    };
    process.stdout.write(`${JSON.stringify(figures)}\n`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

void main();
