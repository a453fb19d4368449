import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type { LlamaConfig } from "../config";
import { ModelError, systemError } from "../error";
import type { MergedWeights } from "../weights";
import { DATA_FILE, llamaModel, MODEL_FILE, type WeightSpec, weightSpecs } from "./llamaGraph";
import { type ExternalTensor, encodeModel } from "./messages";
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
  weights: MergedWeights,
  options: WriteOptions,
): Promise<WrittenFile[]> {
  if (config.headDim % 16 !== 0) {
    throw new ModelError(`The model's head_dim is ${config.headDim}; the ONNX export needs a multiple of 16.`);
  }
  const placed = place(weightSpecs(config, options.positions));
  const data = await writeData(directory, config, weights, placed, options);
  const model = encodeModel(
    llamaModel(
      config,
      placed.map(({ tensor }) => tensor),
      options.metadata,
    ),
  );
  const modelPath = join(directory, MODEL_FILE);
  const writer = await DurableFile.create(modelPath);
  await writer.finishWith(async () => writer.write(model));
  return [writer.written(MODEL_FILE), data];
}

interface PlacedWeight {
  spec: WeightSpec;
  tensor: ExternalTensor;
}

function place(specs: WeightSpec[]): PlacedWeight[] {
  let offset = 0;
  return specs.map((spec) => {
    const bytes = 4 * spec.shape.reduce((product, size) => product * size, 1);
    const tensor = { name: spec.name, shape: spec.shape, offset, bytes };
    offset = Math.ceil((offset + bytes) / ALIGNMENT) * ALIGNMENT;
    return { spec, tensor };
  });
}

async function writeData(
  directory: string,
  config: LlamaConfig,
  weights: MergedWeights,
  placed: PlacedWeight[],
  options: WriteOptions,
): Promise<WrittenFile> {
  const last = placed.at(-1)!.tensor;
  const total = last.offset + last.bytes;
  const file = await DurableFile.create(join(directory, DATA_FILE));
  await file.finishWith(async () => {
    for (const { spec, tensor } of placed) {
      await file.write(new Uint8Array(tensor.offset - file.length));
      for await (const block of blocksOf(spec, config, weights, options.positions)) {
        options.signal?.throwIfAborted();
        refuseNonFinite(block, spec.name);
        await file.write(new Uint8Array(block.buffer, block.byteOffset, block.byteLength));
        options.onProgress?.(file.length / total);
        await turn();
      }
      if (file.length !== tensor.offset + tensor.bytes) {
        throw new Error(`${spec.name} got ${file.length - tensor.offset} bytes instead of ${tensor.bytes}.`);
      }
    }
  });
  return file.written(DATA_FILE);
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
  weights: MergedWeights,
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
