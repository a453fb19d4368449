import { setImmediate as turn } from "node:timers/promises";
import type { TokenDocument } from "./heldOut";
import { heldOutLoss } from "./heldOutLoss";
import { OnnxLlama } from "./session";

/** Held-out tokens that precisions are compared on: some seconds for a small model, about a minute at 1B parameters. */
const COMPARED_TOKENS = 8192;
/** A completion while typing: so many cached, new and generated tokens. */
const SPEED = { cached: 256, fresh: 12, generated: 16, rounds: 4 } as const;

/** Documents of about 8,192 tokens, spread over all. */
export function comparedDocuments(documents: readonly TokenDocument[]): TokenDocument[] {
  const tokens = documents.reduce((sum, { ids }) => sum + ids.length, 0);
  const step = Math.max(1, tokens / COMPARED_TOKENS);
  const count = Math.ceil(documents.length / step);
  return Array.from({ length: count }, (_, i) => documents[Math.floor(i * step)]!);
}

export interface MeasureOptions {
  threads: number;
  maxPositions: number;
  documents: readonly TokenDocument[];
  onProgress?(fraction: number): void;
  signal?: AbortSignal;
}

/** Held-out loss (null: no documents) and the fastest completion of an exported model, ms. */
export async function measureExport(
  folder: string,
  options: MeasureOptions,
): Promise<{ heldOutLoss: number | null; milliseconds: number }> {
  const { threads, maxPositions, documents, signal } = options;
  const model = await OnnxLlama.load(folder, { threads, maxPositions });
  try {
    const milliseconds = await completionMs(model, signal);
    if (documents.length === 0) return { heldOutLoss: null, milliseconds };
    const { loss } = await heldOutLoss(model, documents, options);
    return { heldOutLoss: loss, milliseconds };
  } finally {
    await model.release();
  }
}

async function completionMs(model: OnnxLlama, signal: AbortSignal | undefined): Promise<number> {
  const { vocabularySize, maxPositions } = model.shape;
  const room = maxPositions - SPEED.fresh - SPEED.generated;
  const cached = Array.from({ length: Math.max(1, Math.min(SPEED.cached, room)) }, (_, i) => (7 * i) % vocabularySize);
  let best = Number.POSITIVE_INFINITY;
  // The first round also computes what the others find in the cache.
  for (let round = 0; round <= SPEED.rounds; ++round) {
    signal?.throwIfAborted();
    const fresh = Array.from({ length: SPEED.fresh }, (_, i) => (13 * i + 5 * round + 1) % vocabularySize);
    const { totalMs } = await model.generate([...cached, ...fresh], {
      maxTokens: SPEED.generated,
      ...(signal ? { signal } : {}),
    });
    if (round > 0) best = Math.min(best, totalMs);
    await turn();
  }
  model.reset();
  return best;
}
