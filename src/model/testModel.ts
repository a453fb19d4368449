import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll } from "vitest";
import { PeftAdapter } from "./adapter";
import type { LlamaConfig } from "./config";
import { readLlamaConfig } from "./config";
import { baseContract } from "./contract";
import { writeLlamaModel } from "./onnx/writeModel";
import { TensorFiles } from "./safetensors";
import { OnnxLlama } from "./session";
import { MergedWeights } from "./weights";

/** Models, adapters and reference figures for tests. */

const ROOT = resolve(__dirname, "../..");
export const TINY_PYTHON = join(ROOT, "models/tiny-python");
export const ENGINE = join(ROOT, "build/native/release/tunesmith-engine");

/** Figures from Hugging Face transformers and PEFT: the repository's copy, or the shared one. */
export function goldenFolder(name: string): string {
  const places = [join(ROOT, "test/fixtures/golden", name), join(ROOT, "../shared/golden", name)];
  const found = places.find((place) => existsSync(join(place, "reference.json")));
  if (!found) throw new Error(`The reference figures are missing: neither ${places.join(" nor ")} is there.`);
  return found;
}

export interface GoldenReference {
  sequences: { ids: number[]; labels: number[] }[];
  base: { nll: number[]; last_top10: [number, number][]; last_logsumexp: number }[];
  greedy: { prompt: string; ids: number[] };
  lora: { losses: number[] };
}

export function golden(name: string): GoldenReference {
  return JSON.parse(readFileSync(join(goldenFolder(name), "reference.json"), "utf8"));
}

const folders: string[] = [];
const models: OnnxLlama[] = [];
afterAll(async () => {
  for (const model of models.splice(0)) await model.release();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `tunesmith-${name}-`));
  folders.push(folder);
  return folder;
}

/** Exports and loads a model folder without contract and record. */
export async function loadModel(modelDir: string, adapterDir: string | null = null): Promise<OnnxLlama> {
  const config = readLlamaConfig(modelDir);
  const folder = temporaryFolder("model");
  const base = await TensorFiles.openModel(modelDir);
  const adapter = adapterDir ? await PeftAdapter.open(adapterDir, config) : null;
  const positions = Math.min(config.maxPositions, 4096);
  await writeLlamaModel(folder, config, new MergedWeights(base, config, adapter), { positions, metadata: {} });
  await adapter?.close();
  await base.close();
  const model = await OnnxLlama.load(folder, { threads: 2, maxPositions: positions });
  models.push(model);
  return model;
}

/** A small deterministic generator (mulberry32): values in [-1, 1). */
export function randomValues(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * 2 - 1;
  };
}

export interface FakeTensor {
  shape: number[];
  values: Float32Array;
}

/** A .safetensors file of float32 tensors. */
export function safetensorsBytes(tensors: Record<string, FakeTensor>): Buffer {
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    header[name] = { dtype: "F32", shape, data_offsets: [offset, offset + values.byteLength] };
    offset += values.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const data = Object.values(tensors).map(({ values }) =>
    Buffer.from(values.buffer, values.byteOffset, values.byteLength),
  );
  return Buffer.concat([length, json, ...data]);
}

/** Every tensor of a model of this shape, at random. */
export function randomTensors(config: LlamaConfig, seed: number): Record<string, FakeTensor> {
  const next = randomValues(seed);
  const tensors: Record<string, FakeTensor> = {};
  const add = (name: string, shape: number[], of: () => number) => {
    const count = shape.reduce((product, size) => product * size, 1);
    tensors[name] = { shape, values: Float32Array.from({ length: count }, of) };
  };
  const matrix = (name: string, rows: number, columns: number) =>
    add(name, [rows, columns], () => (next() * 2) / Math.sqrt(columns));
  const norm = (name: string) => add(name, [config.hiddenSize], () => 1 + 0.2 * next());
  const { hiddenSize: h, intermediateSize: f, headDim, queryHeads, kvHeads, vocabularySize } = config;
  add("model.embed_tokens.weight", [vocabularySize, h], next);
  for (let layer = 0; layer < config.layers; ++layer) {
    const prefix = `model.layers.${layer}`;
    norm(`${prefix}.input_layernorm.weight`);
    norm(`${prefix}.post_attention_layernorm.weight`);
    matrix(`${prefix}.self_attn.q_proj.weight`, queryHeads * headDim, h);
    matrix(`${prefix}.self_attn.k_proj.weight`, kvHeads * headDim, h);
    matrix(`${prefix}.self_attn.v_proj.weight`, kvHeads * headDim, h);
    matrix(`${prefix}.self_attn.o_proj.weight`, h, queryHeads * headDim);
    matrix(`${prefix}.mlp.gate_proj.weight`, f, h);
    matrix(`${prefix}.mlp.up_proj.weight`, f, h);
    matrix(`${prefix}.mlp.down_proj.weight`, h, f);
  }
  norm("model.norm.weight");
  if (!config.tiedEmbedding) matrix("lm_head.weight", vocabularySize, h);
  return tensors;
}

/** config.json of a small model; `changes` overrides fields, undefined removes one. */
export function configJson(changes: Record<string, unknown> = {}): string {
  return JSON.stringify({
    model_type: "llama",
    hidden_act: "silu",
    hidden_size: 32,
    intermediate_size: 48,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 16,
    vocab_size: 50,
    max_position_embeddings: 256,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: false,
    rope_theta: 10000,
    bos_token_id: 0,
    eos_token_id: 1,
    ...changes,
  });
}

/** A model folder with random weights. */
export function randomModel(
  changes: Record<string, unknown>,
  seed: number,
): { folder: string; tensors: Record<string, FakeTensor> } {
  const folder = temporaryFolder("random");
  writeFileSync(join(folder, "config.json"), configJson(changes));
  const tensors = randomTensors(readLlamaConfig(folder), seed);
  writeFileSync(join(folder, "model.safetensors"), safetensorsBytes(tensors));
  return { folder, tensors };
}

/** A run directory as preparation and the engine leave it, with the golden reference's rows held out. */
export async function goldenRun(name: string): Promise<string> {
  const run = temporaryFolder("run");
  const { sequences } = golden(name);
  const contract = { ...(await baseContract(TINY_PYTHON)), modes: { instruct: { template: "alpaca" }, prefix: {} } };
  writeFileSync(join(run, "run.json"), JSON.stringify({ version: 1, model: { path: TINY_PYTHON } }));
  writeFileSync(join(run, "contract.json"), JSON.stringify(contract));
  mkdirSync(join(run, "data"));
  writeDocuments(
    join(run, "data"),
    "eval",
    sequences.map(({ ids, labels }) => ({ ids, targets: labels.flatMap((label, i) => (label === -100 ? [] : [i])) })),
  );
  return run;
}

/** data/<split>.tokens and .documents, each document a sequence of its own. */
export function writeDocuments(
  dataDir: string,
  split: string,
  documents: { ids: number[]; targets: number[] }[],
): void {
  const words = documents.flatMap(({ ids, targets }) => {
    const learned = new Set(targets);
    return ids.map((id, i) => (learned.has(i) ? (id | 0x80000000) >>> 0 : id));
  });
  const records = Buffer.alloc(32 * documents.length);
  let start = 0;
  documents.forEach(({ ids, targets }, i) => {
    records.writeBigUInt64LE(BigInt(start), 32 * i);
    records.writeUInt32LE(ids.length, 32 * i + 8);
    records.writeUInt32LE(targets.length, 32 * i + 12);
    records.writeUInt32LE(i + 1, 32 * i + 16);
    records.writeUInt32LE(i, 32 * i + 24);
    start += ids.length;
  });
  const header = (magic: string, last: number) => {
    const bytes = Buffer.alloc(16);
    bytes.write(magic, "latin1");
    bytes.writeUInt32LE(1, 8);
    bytes.writeUInt32LE(last, 12);
    return bytes;
  };
  const tokens = Buffer.from(Uint32Array.from(words).buffer);
  writeFileSync(join(dataDir, `${split}.tokens`), Buffer.concat([header("TSTOKENS", 0), tokens]));
  writeFileSync(join(dataDir, `${split}.documents`), Buffer.concat([header("TSDOCUMT", 32), records]));
}
