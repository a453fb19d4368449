import { setImmediate as turn } from "node:timers/promises";
import type { TokenDocument } from "./heldOut";
import type { OnnxLlama } from "./session";

export interface HeldOutLoss {
  /** Mean over all targets, nats. */
  loss: number;
  targets: number;
  documents: number;
}

export interface LossOptions {
  onProgress?(fraction: number): void;
  signal?: AbortSignal;
}

/** Padded tokens of one run: enough to keep the cores busy, few enough that a cancel is heard soon. */
const MAX_BATCH_TOKENS = 1024;
/** Logits of one run: 64 MiB. */
const MAX_BATCH_LOGITS = 1 << 24;

/** Mean loss of the documents' targets with teacher forcing; documents of like length share a run. */
export async function heldOutLoss(
  model: OnnxLlama,
  documents: readonly TokenDocument[],
  options: LossOptions = {},
): Promise<HeldOutLoss> {
  const { vocabularySize } = model.shape;
  const used = documents.filter((document) => document.targets.length > 0);
  let sum = 0;
  let targets = 0;
  let done = 0;
  for (const batch of batches(used, vocabularySize)) {
    options.signal?.throwIfAborted();
    const wanted = batch.flatMap(({ targets }, row) => targets.map((at): [number, number] => [row, at - 1]));
    if (batch.length === 1 && wanted.length * vocabularySize > MAX_BATCH_LOGITS) {
      sum += await lossInPieces(model, batch[0]!, options.signal);
    } else {
      const logits = await model.logitsOf(
        batch.map(({ ids }) => ids),
        wanted,
      );
      const expected = batch.flatMap((document) => document.targets.map((at) => document.ids[at]!));
      expected.forEach((id, i) => {
        sum += negativeLogLikelihood(logits.subarray(i * vocabularySize, (i + 1) * vocabularySize), id);
      });
    }
    targets += wanted.length;
    done += batch.length;
    options.onProgress?.(done / used.length);
    await turn();
  }
  return { loss: targets === 0 ? 0 : sum / targets, targets, documents: used.length };
}

/** A document whose logits would not fit at once: through the KV cache, a chunk at a time. */
async function lossInPieces(
  model: OnnxLlama,
  document: TokenDocument,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { vocabularySize } = model.shape;
  let sum = 0;
  await model.scan(
    document.ids,
    document.targets.map((at) => at - 1),
    (position, logits) => {
      sum += negativeLogLikelihood(logits.subarray(0, vocabularySize), document.ids[position + 1]!);
    },
    signal,
  );
  return sum;
}

function batches(documents: readonly TokenDocument[], vocabularySize: number): TokenDocument[][] {
  const sorted = [...documents].sort((a, b) => b.ids.length - a.ids.length);
  const result: TokenDocument[][] = [];
  let batch: TokenDocument[] = [];
  let targets = 0;
  for (const document of sorted) {
    // Sorted by length: the first of a batch is its longest.
    const tokens = (batch.length + 1) * (batch[0] ?? document).ids.length;
    const logits = (targets + document.targets.length) * vocabularySize;
    if (batch.length > 0 && (tokens > MAX_BATCH_TOKENS || logits > MAX_BATCH_LOGITS)) {
      result.push(batch);
      batch = [];
      targets = 0;
    }
    batch.push(document);
    targets += document.targets.length;
  }
  if (batch.length > 0) result.push(batch);
  return result;
}

/** log Σ exp(logits) − logits[id], summed in float64. */
export function negativeLogLikelihood(logits: Float32Array, id: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; ++i) if (logits[i]! > largest) largest = logits[i]!;
  let sum = 0;
  for (let i = 0; i < logits.length; ++i) sum += Math.exp(logits[i]! - largest);
  return largest + Math.log(sum) - logits[id]!;
}
