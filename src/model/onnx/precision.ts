import type { ExportPrecision } from "../../protocol/run";
import type { LlamaConfig } from "../config";
import { ModelError } from "../error";
import { FLOAT32, type GraphFormat } from "./llamaGraph";
import type { BlockFormat } from "./quantise";

const BLOCK_SIZES: readonly BlockFormat["blockSize"][] = [128, 64, 32];

/** Values of a head that takes long enough to read for a coarser copy to pay. */
const LARGE_HEAD = 1 << 24;

/**
 * How a model's matrices are stored at a precision: in the largest blocks that its sizes are multiples of, since larger
 * ones are faster. The embedding keeps 8 bits beside 4-bit products: a tied one is the head as well, where rounding costs most.
 * Reading the head is a third of a token's time at a large vocabulary: 4 bits tell which of its rows are worth reading.
 */
export function formatFor(precision: ExportPrecision, config: LlamaConfig): GraphFormat {
  if (precision === "fp32") return FLOAT32;
  const blockSize = largestBlock(config);
  if (blockSize === undefined) {
    throw new ModelError(
      `The model's sizes (${rowSizes(config).join(", ")}) are not multiples of 32: it can be exported as fp32 alone.`,
    );
  }
  return {
    linear: { bits: precision === "int4" ? 4 : 8, blockSize },
    embedding: { bits: 8, blockSize },
    screen: config.vocabularySize * config.hiddenSize >= LARGE_HEAD ? { bits: 4, blockSize } : null,
  };
}

export function canBeRounded(config: LlamaConfig): boolean {
  return largestBlock(config) !== undefined;
}

function largestBlock(config: LlamaConfig): BlockFormat["blockSize"] | undefined {
  return BLOCK_SIZES.find((size) => rowSizes(config).every((columns) => columns % size === 0));
}

function rowSizes({ hiddenSize, intermediateSize, queryHeads, headDim }: LlamaConfig): number[] {
  return [hiddenSize, intermediateSize, queryHeads * headDim];
}
