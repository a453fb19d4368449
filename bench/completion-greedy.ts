/**
 * Whether three programs write the same text: the training engine (base + adapter), Tunesmith's float32 export and
 * llama.cpp on a float32 GGUF file of the same model. Exit code 1 where they do not.
 *
 *   node scripts/bench.mjs completion-greedy --run DIR --peer DIR [--prompts 20] [--tokens 48]
 *
 * The prompts are what stands before the answers of held-out rows; --peer is a folder in which node-llama-cpp is installed.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { PeftAdapter } from "../src/model/adapter";
import { readLlamaConfig } from "../src/model/config";
import { engineReference } from "../src/model/engine";
import { tokenizerMetadata } from "../src/model/gguf/tokenizerMetadata";
import { writeGguf } from "../src/model/gguf/writeGguf";
import { readDocuments } from "../src/model/heldOut";
import { readJsonObject } from "../src/model/jsonFile";
import { writeLlamaModel } from "../src/model/onnx/writeModel";
import { TensorFiles } from "../src/model/safetensors";
import { OnnxLlama } from "../src/model/session";
import { MergedWeights } from "../src/model/weights";
import { loadPeerModel } from "./completion/peer";

const LONGEST_PROMPT = 256;

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      run: { type: "string" },
      peer: { type: "string" },
      prompts: { type: "string" },
      tokens: { type: "string" },
      engine: { type: "string" },
    },
  });
  if (!values.run || !values.peer) throw new Error("--run and --peer are needed.");
  const run = resolve(values.run);
  const engine = resolve(values.engine ?? "build/native/release/tunesmith-engine");
  const modelDir = readJsonObject(join(run, "run.json")).object("model").string("path");
  const adapterDir = join(run, "adapter");
  const config = readLlamaConfig(modelDir);
  const documents = readDocuments(join(run, "data"), "eval", config.vocabularySize);
  const count = Math.min(Number(values.prompts ?? 20), documents.length);
  const tokens = Number(values.tokens ?? 48);
  const prompts = Array.from({ length: count }, (_, i) => {
    const { ids, targets } = documents[Math.floor((i * documents.length) / count)]!;
    return ids.slice(0, Math.min(targets[0] ?? ids.length, LONGEST_PROMPT));
  });
  const folder = await mkdtemp(join(tmpdir(), "tunesmith-greedy-"));
  const base = await TensorFiles.openModel(modelDir);
  const adapter = await PeftAdapter.open(adapterDir, config);
  try {
    const weights = new MergedWeights(base, config, adapter);
    const positions = Math.min(config.maxPositions, 4096);
    await writeLlamaModel(folder, config, weights, { positions, metadata: {} });
    const gguf = join(folder, "model.gguf");
    const tokenizer = tokenizerMetadata(modelDir, config);
    await writeGguf(gguf, config, weights, { precision: "F32", name: "bench", tokenizer });

    const reference = await engineReference({ engine, modelDir, adapterDir, threads: 0 }, prompts, tokens);
    const expected = reference.prompts.map(({ greedy }) => greedy);
    const onnx = await onnxGreedy(folder, positions, prompts, tokens);
    const llama = await llamaGreedy(resolve(values.peer), gguf, prompts, tokens);
    const same = (found: number[][]) => found.filter((ids, i) => ids.join() === expected[i]!.join()).length;
    console.log(`${count} prompts, ${tokens} greedy tokens each, against the engine:`);
    console.log(`fp32 export    ${same(onnx)} of ${count} the same`);
    console.log(`llama.cpp F32  ${same(llama)} of ${count} the same`);
    return same(onnx) === count && same(llama) === count;
  } finally {
    await adapter.close();
    await base.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function onnxGreedy(folder: string, maxPositions: number, prompts: number[][], maxTokens: number) {
  const model = await OnnxLlama.load(folder, { threads: 0, maxPositions });
  const found: number[][] = [];
  for (const prompt of prompts) found.push((await model.generate(prompt, { maxTokens })).tokens);
  await model.release();
  return found;
}

async function llamaGreedy(peer: string, path: string, prompts: number[][], maxTokens: number) {
  const model = await loadPeerModel(peer, path);
  const context = await model.createContext({ contextSize: 1024, batchSize: 512, threads: 1, sequences: 1 });
  const sequence = context.getSequence();
  const found: number[][] = [];
  for (const prompt of prompts) {
    await sequence.clearHistory();
    const ids: number[] = [];
    for await (const id of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
      if (ids.push(id) === maxTokens) break;
    }
    found.push(ids);
  }
  return found;
}

main().then(
  (passed) => process.exit(passed ? 0 : 1),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
