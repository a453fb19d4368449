import type * as Ort from "onnxruntime-node";

/** What the graph of llamaGraph.ts is fed beside the past buffers. */
export interface NewTokens {
  /** [batch, sequence], row by row. */
  ids: BigInt64Array;
  batch: number;
  /** Tokens of each sequence. */
  sequence: number;
  /** Positions before the first of them. */
  past: number;
  /** Positions that the past buffers have room for. */
  capacity: number;
  /** Indices into `ids` whose logits are wanted. */
  wanted: readonly number[];
}

export function feedsOf(ort: typeof Ort, tokens: NewTokens): Record<string, Ort.Tensor> {
  const { Tensor } = ort;
  const { ids, batch, sequence, past, capacity } = tokens;
  // One at least: onnxruntime's TopK ends the process where there is nothing to look through.
  const wanted = tokens.wanted.length === 0 ? [0] : tokens.wanted;
  return {
    input_ids: new Tensor("int64", ids, [batch, sequence]),
    past_len: new Tensor("int64", BigInt64Array.of(BigInt(past)), [1]),
    past_and_new: new Tensor("int64", BigInt64Array.of(BigInt(capacity), BigInt(sequence)), [2]),
    mask: new Tensor("float32", causalMask(sequence, past, capacity), [sequence, capacity + sequence]),
    logit_idx: new Tensor("int64", BigInt64Array.from(wanted, BigInt), [wanted.length]),
  };
}

/** [sequence, capacity + sequence]: what is filled of the past buffers, and of the new tokens those up to the row's own. */
function causalMask(sequence: number, past: number, capacity: number): Float32Array {
  const columns = capacity + sequence;
  const mask = new Float32Array(sequence * columns);
  for (let row = 0; row < sequence; ++row) {
    const start = row * columns;
    mask.fill(-Infinity, start + past, start + capacity);
    mask.fill(-Infinity, start + capacity + row + 1, start + columns);
  }
  return mask;
}
