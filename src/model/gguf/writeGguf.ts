import { setImmediate as turn } from "node:timers/promises";
import type { LlamaConfig } from "../config";
import { ModelError } from "../error";
import { ropeFrequencies } from "../onnx/rope";
import { DurableFile, type WrittenFile } from "../onnx/writeModel";
import type { WeightSource } from "../weights";
import { GgufBytes, type GgufValue } from "./metadata";
import { bytesOfRow, GGML_TYPES, type GgmlType, type GgmlTypeName, storeValues } from "./tensorTypes";

export type GgufPrecision = "F32" | "F16" | "Q8_0" | "Q4_0";

export interface GgufOptions {
  precision: GgufPrecision;
  /** Of the model, for people. */
  name: string;
  /** As `tokenizerMetadata` gives it. */
  tokenizer: readonly [string, GgufValue][];
  onProgress?(fraction: number): void;
  signal?: AbortSignal;
}

/** Of each tensor's data in the file. */
const ALIGNMENT = 32;
/** llama_ftype. */
const FILE_TYPE: Record<GgufPrecision, number> = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 7 };

interface GgufTensor {
  name: string;
  /** [rows, columns] or [columns]. */
  shape: number[];
  type: GgmlType;
  values(): AsyncIterable<Float32Array>;
}

/**
 * Writes a model of the Llama family as one GGUF file of version 3, as llama.cpp's own converter and `llama-quantize`
 * would (norms in float32; a 4-bit file keeps the head in 6 bits, or in 8 where 256 does not divide its rows). Streamed:
 * memory is bounded by a block of rows. The file is flushed; its name should be a temporary one until then.
 */
export async function writeGguf(
  path: string,
  config: LlamaConfig,
  weights: WeightSource,
  options: GgufOptions,
): Promise<WrittenFile> {
  const tensors = tensorsOf(config, weights, options.precision);
  const sizes = tensors.map(({ shape, type }) => rowsOf(shape) * bytesOfRow(shape.at(-1)!, type));
  const file = await DurableFile.create(path);
  await file.finishWith(async () => {
    await file.write(header(tensors, sizes, [...modelMetadata(config, options), ...options.tokenizer]));
    const total = file.length + sizes.reduce((sum, size) => sum + align(size), 0);
    for (const [i, { name, type, values }] of tensors.entries()) {
      await file.write(new Uint8Array(align(file.length) - file.length));
      const start = file.length;
      for await (const block of values()) {
        options.signal?.throwIfAborted();
        refuseNonFinite(block, name);
        await file.write(storeValues(block, type));
        options.onProgress?.(Math.min(1, file.length / total));
        await turn();
      }
      if (file.length !== start + sizes[i]!) throw new Error(`${name} got ${file.length - start} bytes.`);
    }
    await file.write(new Uint8Array(align(file.length) - file.length));
  });
  return file.written(path);
}

function header(tensors: GgufTensor[], sizes: number[], metadata: [string, GgufValue][]): Uint8Array {
  const bytes = new GgufBytes();
  bytes.raw(new TextEncoder().encode("GGUF")).uint32(3).uint64(tensors.length).uint64(metadata.length);
  for (const [key, value] of metadata) bytes.string(key).value(value);
  let offset = 0;
  for (const [i, { name, shape, type }] of tensors.entries()) {
    bytes.string(name).uint32(shape.length);
    // ggml counts dimensions from the innermost.
    for (const size of [...shape].reverse()) bytes.uint64(size);
    bytes.uint32(type.id).uint64(offset);
    offset = align(offset + sizes[i]!);
  }
  const { length } = bytes.finish();
  return bytes.raw(new Uint8Array(align(length) - length)).finish();
}

function modelMetadata(config: LlamaConfig, options: GgufOptions): [string, GgufValue][] {
  const { scaling, theta } = config.rope;
  const whole = (key: string, value: number): [string, GgufValue] => [key, { type: "uint32", value }];
  const real = (key: string, value: number): [string, GgufValue] => [key, { type: "float32", value }];
  const entries: [string, GgufValue][] = [
    ["general.architecture", { type: "string", value: "llama" }],
    ["general.name", { type: "string", value: options.name }],
    whole("general.file_type", FILE_TYPE[options.precision]),
    whole("general.quantization_version", 2),
    whole("llama.vocab_size", config.vocabularySize),
    whole("llama.context_length", config.maxPositions),
    whole("llama.embedding_length", config.hiddenSize),
    whole("llama.block_count", config.layers),
    whole("llama.feed_forward_length", config.intermediateSize),
    whole("llama.attention.head_count", config.queryHeads),
    whole("llama.attention.head_count_kv", config.kvHeads),
    whole("llama.attention.key_length", config.headDim),
    whole("llama.attention.value_length", config.headDim),
    whole("llama.rope.dimension_count", config.headDim),
    real("llama.attention.layer_norm_rms_epsilon", config.rmsNormEpsilon),
    real("llama.rope.freq_base", theta),
  ];
  if (scaling.kind === "linear") {
    entries.push(
      ["llama.rope.scaling.type", { type: "string", value: "linear" }],
      real("llama.rope.scaling.factor", scaling.factor),
    );
  }
  return entries;
}

function tensorsOf(config: LlamaConfig, weights: WeightSource, precision: GgufPrecision): GgufTensor[] {
  const { hiddenSize: h, intermediateSize: f, headDim, queryHeads, kvHeads, vocabularySize } = config;
  const tensors: GgufTensor[] = [];
  const add = (name: string, type: GgmlTypeName, shape: number[], values: GgufTensor["values"]) => {
    const { blockSize } = GGML_TYPES[type];
    if (shape.at(-1)! % blockSize !== 0) {
      throw new ModelError(`${name} has rows of ${shape.at(-1)} values; ${type} needs a multiple of ${blockSize}.`);
    }
    tensors.push({ name, type: GGML_TYPES[type], shape, values });
  };
  const headType = precision === "Q4_0" ? (h % GGML_TYPES.Q6_K.blockSize === 0 ? "Q6_K" : "Q8_0") : precision;
  add("token_embd.weight", config.tiedEmbedding ? headType : precision, [vocabularySize, h], () =>
    weights.matrix("model.embed_tokens.weight", vocabularySize, h),
  );
  if (config.rope.scaling.kind === "llama3") {
    const factors = ropeFactors(config);
    add("rope_freqs.weight", "F32", [headDim / 2], () => once(factors));
  }
  for (let layer = 0; layer < config.layers; ++layer) {
    const [block, module] = [`blk.${layer}`, `model.layers.${layer}`];
    const projection = (
      name: string,
      target: Parameters<WeightSource["projection"]>[1],
      rows: number,
      columns: number,
    ) =>
      add(`${block}.${name}.weight`, precision, [rows, columns], () => {
        const values = weights.projection(layer, target);
        return target === "q_proj" || target === "k_proj" ? interleaved(values, headDim, columns) : values;
      });
    const norm = (name: string, source: string) =>
      add(`${block}.${name}.weight`, "F32", [h], () => weights.vector(`${module}.${source}.weight`));
    norm("attn_norm", "input_layernorm");
    projection("attn_q", "q_proj", queryHeads * headDim, h);
    projection("attn_k", "k_proj", kvHeads * headDim, h);
    projection("attn_v", "v_proj", kvHeads * headDim, h);
    projection("attn_output", "o_proj", h, queryHeads * headDim);
    norm("ffn_norm", "post_attention_layernorm");
    projection("ffn_gate", "gate_proj", f, h);
    projection("ffn_up", "up_proj", f, h);
    projection("ffn_down", "down_proj", h, f);
  }
  add("output_norm.weight", "F32", [h], () => weights.vector("model.norm.weight"));
  if (!config.tiedEmbedding) {
    add("output.weight", headType, [vocabularySize, h], () => weights.matrix("lm_head.weight", vocabularySize, h));
  }
  return tensors;
}

/** By how much each frequency is divided: llama.cpp multiplies the angles itself. */
function ropeFactors(config: LlamaConfig): Float32Array {
  const scaled = ropeFrequencies(config);
  const plain = ropeFrequencies({ ...config, rope: { ...config.rope, scaling: { kind: "none" } } });
  return Float32Array.from(scaled, (frequency, i) => plain[i]! / frequency);
}

/**
 * llama.cpp rotates neighbouring values of a head, Hugging Face's Llama values half a head apart: rows 0 … d−1 of each
 * head come as 0, d/2, 1, d/2 + 1, …
 */
async function* interleaved(
  blocks: AsyncIterable<Float32Array>,
  headDim: number,
  columns: number,
): AsyncGenerator<Float32Array> {
  const head = new Float32Array(headDim * columns);
  let filled = 0;
  for await (const block of blocks) {
    for (let at = 0; at < block.length; at += columns) {
      const half = headDim / 2;
      const to = filled < half ? 2 * filled : 2 * (filled - half) + 1;
      head.set(block.subarray(at, at + columns), to * columns);
      if (++filled === headDim) {
        yield head;
        filled = 0;
      }
    }
  }
}

async function* once(values: Float32Array): AsyncGenerator<Float32Array> {
  yield values;
}

function rowsOf(shape: number[]): number {
  return shape.length === 1 ? 1 : shape[0]!;
}

function align(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}

function refuseNonFinite(block: Float32Array, name: string): void {
  for (const value of block) {
    if (value - value !== 0) {
      throw new ModelError(`${name} holds a value that is not a finite number; the model or the adapter is damaged.`);
    }
  }
}
