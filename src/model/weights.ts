import type { LoraTarget } from "../protocol/run";
import { type LoraPair, type PeftAdapter, PROJECTIONS } from "./adapter";
import type { LlamaConfig } from "./config";
import type { TensorFiles } from "./safetensors";

/** Values held at once while a tensor is streamed: 4 MiB of float32. */
const BLOCK_VALUES = 1 << 20;

/** A model's float32 weights, tensor by tensor, in blocks of whole rows. */
export interface WeightSource {
  /** A norm's weight, by its name in the model's files. */
  vector(name: string): AsyncIterable<Float32Array>;
  matrix(name: string, rows: number, columns: number): AsyncIterable<Float32Array>;
  projection(layer: number, target: LoraTarget): AsyncIterable<Float32Array>;
}

/**
 * The float32 weights of a base model with an adapter merged in, tensor by tensor, in blocks of rows:
 * memory is bounded by a block and one adapter pair, whatever the model's size.
 */
export class MergedWeights implements WeightSource {
  constructor(
    private readonly base: TensorFiles,
    private readonly config: LlamaConfig,
    private readonly adapter: PeftAdapter | null,
  ) {}

  /** A norm's weight. */
  async *vector(name: string): AsyncGenerator<Float32Array> {
    this.base.info(name, [this.config.hiddenSize]);
    yield await this.base.read(name);
  }

  /** [rows, columns] as stored. */
  matrix(name: string, rows: number, columns: number): AsyncGenerator<Float32Array> {
    this.base.info(name, [rows, columns]);
    return this.rows(name, rows, columns, null);
  }

  /** W + scale · B·A of one projection. */
  async *projection(layer: number, target: LoraTarget): AsyncGenerator<Float32Array> {
    const { module, shape } = PROJECTIONS[target];
    const [outputs, inputs] = shape(this.config);
    const name = `model.layers.${layer}.${module}.${target}.weight`;
    this.base.info(name, [outputs, inputs]);
    yield* this.rows(name, outputs, inputs, (await this.adapter?.pair(layer, target)) ?? null);
  }

  private async *rows(
    name: string,
    rows: number,
    columns: number,
    pair: LoraPair | null,
  ): AsyncGenerator<Float32Array> {
    const atOnce = Math.max(1, Math.floor(BLOCK_VALUES / columns));
    for (let first = 0; first < rows; first += atOnce) {
      const count = Math.min(atOnce, rows - first);
      const block = await this.base.read(name, first * columns, count * columns);
      if (pair) addLowRank(block, columns, pair, first, this.adapter!.rank, this.adapter!.scale);
      yield block;
    }
  }
}

/** Adds scale · B[firstRow + i] · A to each row of `block`, summed in float64 and rounded once. */
export function addLowRank(
  block: Float32Array,
  columns: number,
  pair: LoraPair,
  firstRow: number,
  rank: number,
  scale: number,
): void {
  const { a, b } = pair;
  const sum = new Float64Array(columns);
  for (let row = 0; row * columns < block.length; ++row) {
    const values = block.subarray(row * columns, (row + 1) * columns);
    sum.set(values);
    for (let r = 0; r < rank; ++r) {
      const factor = scale * b[(firstRow + row) * rank + r]!;
      const offset = r * columns;
      for (let column = 0; column < columns; ++column) sum[column] = sum[column]! + factor * a[offset + column]!;
    }
    values.set(sum);
  }
}
