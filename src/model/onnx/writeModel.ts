import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type { InputStatistics } from "../calibration";
import type { LlamaConfig } from "../config";
import { ModelError, systemError } from "../error";
import type { WeightSource } from "../weights";
import {
  DATA_FILE,
  FLOAT32,
  type GraphFormat,
  llamaModel,
  MODEL_FILE,
  storedTensors,
  type WeightSpec,
  weightSpecs,
} from "./llamaGraph";
import { type ExternalTensor, encodeModel, type Model } from "./messages";
import { type BlockFormat, type QuantisedRows, quantiseRows } from "./quantise";
import { ropeTable } from "./rope";

/** Of each tensor in the data file: the page size, so that onnxruntime can map them. */
const ALIGNMENT = 4096;

export interface WrittenFile {
  path: string;
  bytes: number;
  sha256: string;
}

export interface WriteOptions {
  /** Rows of the RoPE tables: the longest sequence that the model can take. */
  positions: number;
  metadata: Record<string, string>;
  /** Left out: float32. */
  format?: GraphFormat;
  /** What is known of the inputs of each matrix, where its rounding is to heed them. */
  statistics?: InputStatistics;
  onProgress?(fraction: number): void;
  signal?: AbortSignal;
}

/**
 * Writes model.onnx and model.onnx.data into `directory` and flushes both to the disk.
 * The data file is streamed: it may be far larger than memory or than protobuf's 2 GiB.
 */
export async function writeLlamaModel(
  directory: string,
  config: LlamaConfig,
  weights: WeightSource,
  options: WriteOptions,
): Promise<WrittenFile[]> {
  if (config.headDim % 16 !== 0) {
    throw new ModelError(`The model's head_dim is ${config.headDim}; the ONNX export needs a multiple of 16.`);
  }
  const format = options.format ?? FLOAT32;
  const placed = place(weightSpecs(config, options.positions, format));
  const data = await writeData(directory, config, weights, placed, options);
  const model = encodeModel(placedModel(config, placed, options.metadata, format));
  const modelPath = join(directory, MODEL_FILE);
  const writer = await DurableFile.create(modelPath);
  await writer.finishWith(async () => writer.write(model));
  return [writer.written(MODEL_FILE), data];
}

/** The graph of a model as `writeLlamaModel` stores it with the same options. */
export function storedModel(
  config: LlamaConfig,
  options: Pick<WriteOptions, "positions" | "metadata" | "format">,
): Model {
  const format = options.format ?? FLOAT32;
  return placedModel(config, place(weightSpecs(config, options.positions, format)), options.metadata, format);
}

function placedModel(
  config: LlamaConfig,
  placed: PlacedWeight[],
  metadata: Record<string, string>,
  format: GraphFormat,
): Model {
  const tensors = placed.flatMap((weight) => weight.tensors);
  return llamaModel(config, tensors, metadata, format);
}

interface PlacedWeight {
  spec: WeightSpec;
  tensors: ExternalTensor[];
}

function place(specs: WeightSpec[]): PlacedWeight[] {
  let offset = 0;
  return specs.map((spec) => ({
    spec,
    tensors: storedTensors(spec).map((stored) => {
      const tensor = { ...stored, offset };
      offset = Math.ceil((offset + tensor.bytes) / ALIGNMENT) * ALIGNMENT;
      return tensor;
    }),
  }));
}

async function writeData(
  directory: string,
  config: LlamaConfig,
  weights: WeightSource,
  placed: PlacedWeight[],
  options: WriteOptions,
): Promise<WrittenFile> {
  const last = placed.at(-1)!.tensors.at(-1)!;
  const total = last.offset + last.bytes;
  const file = await DurableFile.create(join(directory, DATA_FILE));
  await file.finishWith(async () => {
    for (const { spec, tensors } of placed) {
      const rest: QuantisedRows[] = [];
      const [values, ...others] = tensors as [ExternalTensor, ...ExternalTensor[]];
      await file.write(new Uint8Array(values.offset - file.length));
      for await (const block of blocksOf(spec, config, weights, options.positions)) {
        options.signal?.throwIfAborted();
        refuseNonFinite(block, spec.name);
        await file.write(spec.format === null ? bytesOf(block) : quantised(block, spec, spec.format, rest, options));
        options.onProgress?.(file.length / total);
        await turn();
      }
      requireWhole(file, values);
      for (const [i, tensor] of others.entries()) {
        await file.write(new Uint8Array(tensor.offset - file.length));
        for (const { scales, zeros } of rest) await file.write(i === 0 ? bytesOf(scales) : zeros);
        requireWhole(file, tensor);
      }
    }
  });
  return file.written(DATA_FILE);
}

/** The values of a block of rows; its scales and zero points, which lie behind all values, go to `rest`. */
function quantised(
  block: Float32Array,
  spec: WeightSpec,
  format: BlockFormat,
  rest: QuantisedRows[],
  { statistics }: WriteOptions,
): Uint8Array {
  const rows = quantiseRows(block, spec.shape[1]!, format, statistics?.feedbackFor(spec) ?? undefined);
  rest.push({ ...rows, values: new Uint8Array(0) });
  return rows.values;
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function requireWhole(file: DurableFile, { name, offset, bytes }: ExternalTensor): void {
  if (file.length !== offset + bytes) throw new Error(`${name} got ${file.length - offset} bytes instead of ${bytes}.`);
}

function refuseNonFinite(block: Float32Array, name: string): void {
  for (const value of block) {
    if (value - value !== 0) {
      throw new ModelError(
        `The merged weight ${name} holds a value that is not a finite number; the model or the adapter is damaged.`,
      );
    }
  }
}

async function* blocksOf(
  { source, shape }: WeightSpec,
  config: LlamaConfig,
  weights: WeightSource,
  positions: number,
): AsyncGenerator<Float32Array> {
  switch (source.kind) {
    case "embedding":
      return yield* weights.matrix("model.embed_tokens.weight", shape[0]!, shape[1]!);
    case "head":
      return yield* weights.matrix("lm_head.weight", shape[0]!, shape[1]!);
    case "cos":
      return yield* ropeTable(config, positions, Math.cos);
    case "sin":
      return yield* ropeTable(config, positions, Math.sin);
    case "finalNorm":
      return yield* weights.vector("model.norm.weight");
    case "inputNorm":
      return yield* weights.vector(`model.layers.${source.layer}.input_layernorm.weight`);
    case "attentionNorm":
      return yield* weights.vector(`model.layers.${source.layer}.post_attention_layernorm.weight`);
    case "qkv":
      yield* weights.projection(source.layer, "q_proj");
      yield* weights.projection(source.layer, "k_proj");
      return yield* weights.projection(source.layer, "v_proj");
    case "o":
    case "gate":
    case "up":
    case "down":
      return yield* weights.projection(source.layer, `${source.kind}_proj`);
  }
}

/** A file that is hashed while it is written and flushed before it counts. */
export class DurableFile {
  length = 0;
  private readonly hash = createHash("sha256");
  private digest = "";

  private constructor(
    private readonly path: string,
    private readonly handle: Awaited<ReturnType<typeof open>>,
  ) {}

  static async create(path: string): Promise<DurableFile> {
    try {
      return new DurableFile(path, await open(path, "wx"));
    } catch (error) {
      throw systemError(path, "created", error);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      try {
        const { bytesWritten } = await this.handle.write(bytes, done, bytes.length - done);
        done += bytesWritten;
      } catch (error) {
        throw systemError(this.path, "written", error);
      }
    }
    this.hash.update(bytes);
    this.length += bytes.length;
  }

  /** Runs `body`, flushes, and closes in any case. */
  async finishWith(body: () => Promise<void>): Promise<void> {
    try {
      await body();
      await this.handle.sync().catch((error) => {
        throw systemError(this.path, "written", error);
      });
    } finally {
      await this.handle.close();
    }
    this.digest = this.hash.digest("hex");
  }

  written(path: string): WrittenFile {
    return { path, bytes: this.length, sha256: this.digest };
  }
}
