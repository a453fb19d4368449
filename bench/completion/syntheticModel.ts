import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LlamaConfig } from "../../src/model/config";
import type { GgufValue } from "../../src/model/gguf/metadata";
import { writeGguf } from "../../src/model/gguf/writeGguf";
import type { GraphFormat } from "../../src/model/onnx/llamaGraph";
import { writeLlamaModel } from "../../src/model/onnx/writeModel";
import type { WeightSource } from "../../src/model/weights";

/** Llama-3.2-1B's shape. */
export const LLAMA_1B: LlamaConfig = {
  hiddenSize: 2048,
  intermediateSize: 8192,
  layers: 16,
  queryHeads: 32,
  kvHeads: 8,
  headDim: 64,
  vocabularySize: 128256,
  maxPositions: 4096,
  rmsNormEpsilon: 1e-5,
  tiedEmbedding: true,
  rope: { theta: 500_000, scaling: { kind: "none" } },
  beginToken: 128000,
  endTokens: [128001],
};

/** Values of a block of rows: 4 MiB. */
const BLOCK = 1 << 20;

/** Weights at random, the same block again and again: what they are does not change how long they take. */
export class SyntheticWeights implements WeightSource {
  private readonly block = Float32Array.from({ length: BLOCK }, (_, i) => 0.04 * Math.sin(i * i * 0.7 + 3 * i));

  constructor(private readonly config: LlamaConfig) {}

  async *vector(): AsyncGenerator<Float32Array> {
    yield new Float32Array(this.config.hiddenSize).fill(1);
  }

  matrix(_name: string, rows: number, columns: number): AsyncGenerator<Float32Array> {
    return this.rows(rows, columns);
  }

  projection(_layer: number, target: Parameters<WeightSource["projection"]>[1]): AsyncGenerator<Float32Array> {
    const { hiddenSize: h, intermediateSize: f, headDim, queryHeads, kvHeads } = this.config;
    const shapes: Record<typeof target, [number, number]> = {
      q_proj: [queryHeads * headDim, h],
      k_proj: [kvHeads * headDim, h],
      v_proj: [kvHeads * headDim, h],
      o_proj: [h, queryHeads * headDim],
      gate_proj: [f, h],
      up_proj: [f, h],
      down_proj: [h, f],
    };
    return this.rows(...shapes[target]);
  }

  private async *rows(rows: number, columns: number): AsyncGenerator<Float32Array> {
    const atOnce = Math.floor(BLOCK / columns);
    for (let first = 0; first < rows; first += atOnce) {
      yield this.block.subarray(0, Math.min(atOnce, rows - first) * columns);
    }
  }
}

/** A folder as OnnxLlama loads it; made once and kept. */
export async function syntheticExport(folder: string, config: LlamaConfig, format: GraphFormat): Promise<void> {
  if (existsSync(join(folder, "done"))) return;
  await mkdir(folder, { recursive: true });
  await writeLlamaModel(folder, config, new SyntheticWeights(config), { positions: 4096, metadata: {}, format });
  await writeFile(join(folder, "done"), "");
}

/** Tokens without a meaning: the file is read with token ids alone. */
export async function syntheticGguf(path: string, config: LlamaConfig): Promise<void> {
  if (existsSync(path)) return;
  const texts = Array.from({ length: config.vocabularySize }, (_, id) => `t${id}`);
  const tokenizer: [string, GgufValue][] = [
    ["tokenizer.ggml.model", { type: "string", value: "gpt2" }],
    ["tokenizer.ggml.pre", { type: "string", value: "llama-bpe" }],
    ["tokenizer.ggml.tokens", { type: "strings", value: texts }],
    ["tokenizer.ggml.token_type", { type: "int32s", value: texts.map(() => 1) }],
    ["tokenizer.ggml.merges", { type: "strings", value: ["t 0"] }],
    ["tokenizer.ggml.bos_token_id", { type: "uint32", value: config.beginToken! }],
    ["tokenizer.ggml.eos_token_id", { type: "uint32", value: config.endTokens[0]! }],
  ];
  const partial = `${path}.partial`;
  await writeGguf(partial, config, new SyntheticWeights(config), { precision: "Q4_0", name: "synthetic", tokenizer });
  await rename(partial, path);
}
