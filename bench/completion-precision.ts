/**
 * What each precision costs on held-out text: Tunesmith's exports against llama.cpp's files of the same model.
 *
 *   node scripts/bench.mjs completion-precision --run DIR [--peer DIR] [--documents N] [--only NAME,NAME]
 *
 * DIR of --run is a finished run; that of --peer a folder in which node-llama-cpp is installed (left out: Tunesmith alone).
 * Both sides predict the same targets of the same held-out documents; the reference is Tunesmith's float32 export.
 */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { PeftAdapter } from "../src/model/adapter";
import { type InputStatistics, measureInputs } from "../src/model/calibration";
import { calibrationSequences } from "../src/model/calibrationData";
import { type LlamaConfig, readLlamaConfig } from "../src/model/config";
import { tokenizerMetadata } from "../src/model/gguf/tokenizerMetadata";
import { type GgufPrecision, writeGguf } from "../src/model/gguf/writeGguf";
import { readDocuments, type TokenDocument } from "../src/model/heldOut";
import { readJsonObject } from "../src/model/jsonFile";
import { FLOAT32, type GraphFormat } from "../src/model/onnx/llamaGraph";
import type { BlockFormat } from "../src/model/onnx/quantise";
import { storedModel, writeLlamaModel } from "../src/model/onnx/writeModel";
import { TensorFiles } from "../src/model/safetensors";
import { OnnxLlama } from "../src/model/session";
import { MergedWeights } from "../src/model/weights";
import { compare, predictions } from "./completion/distributions";
import { loadPeerModel } from "./completion/peer";

const rounded = (bits: 4 | 8, blockSize: BlockFormat["blockSize"], screened = false): GraphFormat => ({
  linear: { bits, blockSize },
  embedding: { bits: 8, blockSize },
  screen: screened ? { bits: 4, blockSize } : null,
});

const FORMATS: Record<string, GraphFormat> = {
  fp32: FLOAT32,
  "int8/128": rounded(8, 128),
  "int8/128 screened": rounded(8, 128, true),
  "int8/32": rounded(8, 32),
  "int4/128": rounded(4, 128),
  "int4/128 screened": rounded(4, 128, true),
  "int4/64": rounded(4, 64),
  "int4/32": rounded(4, 32),
};
/** These once more, rounded by what the inputs on the training data look like. */
const CALIBRATED = ["int4/128", "int4/128 screened", "int4/64", "int4/32"];
const PEER_FORMATS: GgufPrecision[] = ["F32", "F16", "Q8_0", "Q4_0"];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      run: { type: "string" },
      peer: { type: "string" },
      documents: { type: "string" },
      only: { type: "string" },
    },
  });
  if (!values.run) throw new Error("--run is missing.");
  const run = resolve(values.run);
  const modelDir = readJsonObject(join(run, "run.json")).object("model").string("path");
  const config = readLlamaConfig(modelDir);
  const all = readDocuments(join(run, "data"), "eval", config.vocabularySize);
  const documents = all.slice(0, Number(values.documents ?? 40));
  const base = await TensorFiles.openModel(modelDir);
  const adapter = await PeftAdapter.open(join(run, "adapter"), config);
  const weights = new MergedWeights(base, config, adapter);
  const folder = await mkdtemp(join(tmpdir(), "tunesmith-precision-"));
  const wanted = values.only?.split(",");
  const print = (name: string, megabytes: number, figures: ReturnType<typeof compare>) =>
    console.log(
      `${name.padEnd(28)} ${megabytes.toFixed(1).padStart(8)} MB  loss ${figures.loss.toFixed(5)}  KL ${figures.divergence.toExponential(2)}  same token ${(100 * figures.sameToken).toFixed(2)} %`,
    );
  try {
    let reference: Float32Array[] = [];
    const positions = Math.min(config.maxPositions, 4096);
    const statistics = await calibrated(join(run, "data"), folder, config, weights, positions);
    const variants = Object.entries(FORMATS).flatMap(([name, format]) => [
      { name, format },
      ...(CALIBRATED.includes(name) ? [{ name: `${name} calibrated`, format, statistics }] : []),
    ]);
    for (const { name, format, ...given } of variants) {
      if (name !== "fp32" && wanted && !wanted.includes(name)) continue;
      const target = await mkdtemp(join(folder, "onnx-"));
      const files = await writeLlamaModel(target, config, weights, { positions, metadata: {}, format, ...given });
      const model = await OnnxLlama.load(target, { threads: 0, maxPositions: positions });
      const found = await predictions(documents, (document) => onnxLogits(model, document));
      await model.release();
      if (name === "fp32") reference = found;
      if (name === "fp32") console.log(`${documents.length} documents, ${found.length} targets`);
      print(name, files.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6, compare(documents, reference, found));
      await rm(target, { recursive: true });
    }
    if (!values.peer) return;
    for (const precision of PEER_FORMATS) {
      if (wanted && !wanted.includes(precision)) continue;
      const path = join(folder, `${precision}.gguf`);
      await writeGguf(path, config, weights, {
        precision,
        name: "bench",
        tokenizer: tokenizerMetadata(modelDir, config),
      });
      const found = await peerPredictions(resolve(values.peer), path, documents, config.vocabularySize);
      print(`llama.cpp ${precision}`, (await stat(path)).size / 1e6, compare(documents, reference, found));
      await rm(path);
    }
  } finally {
    await adapter.close();
    await base.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Statistics of 24,576 tokens of the training data, through the 8-bit model. */
async function calibrated(
  dataDir: string,
  folder: string,
  config: LlamaConfig,
  weights: MergedWeights,
  positions: number,
): Promise<InputStatistics> {
  const target = await mkdtemp(join(folder, "calibration-"));
  const options = { positions, metadata: {}, format: FORMATS["int8/128"]! };
  await writeLlamaModel(target, config, weights, options);
  const sequences = await calibrationSequences(dataDir, config.vocabularySize);
  const model = storedModel(config, options);
  const start = performance.now();
  const statistics = await measureInputs(target, model, config, 128, sequences, { threads: 0 });
  console.log(`calibrated on ${sequences.flat().length} tokens in ${Math.round(performance.now() - start)} ms`);
  return statistics;
}

async function onnxLogits(model: OnnxLlama, { ids, targets }: TokenDocument): Promise<Float32Array[]> {
  const logits = await model.logitsOf(
    [ids],
    targets.map((at) => [0, at - 1]),
  );
  const size = model.shape.vocabularySize;
  return targets.map((_, i) => logits.slice(i * size, (i + 1) * size));
}

async function peerPredictions(
  peer: string,
  path: string,
  documents: readonly TokenDocument[],
  vocabularySize: number,
): Promise<Float32Array[]> {
  const model = await loadPeerModel(peer, path);
  const context = await model.createContext({ contextSize: 4096, batchSize: 512, threads: 1, sequences: 1 });
  const sequence = context.getSequence();
  const found = await predictions(documents, async ({ ids, targets }) => {
    await sequence.clearHistory();
    const asked = new Set(targets.map((at) => at - 1));
    const last = targets.at(-1)! - 1;
    const input = ids
      .slice(0, last + 1)
      .map((id, at): number | [number, { generateNext: { logits: true } }] =>
        asked.has(at) ? [id, { generateNext: { logits: true } }] : id,
      );
    const results = await sequence.controlledEvaluate(input);
    return targets.map((at) => {
      const logits = new Float32Array(vocabularySize).fill(Number.NEGATIVE_INFINITY);
      for (const [id, value] of results[at - 1]!.next.logits!) logits[id] = value;
      return logits;
    });
  });
  await context.dispose();
  await model.dispose();
  return found;
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
