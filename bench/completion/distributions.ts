import type { TokenDocument } from "../../src/model/heldOut";

/** Gives the logits that predict each target of a document, in the targets' order. */
export type LogitsOf = (document: TokenDocument) => Promise<Float32Array[]>;

export interface LossFigures {
  targets: number;
  /** Nats a target. */
  loss: number;
  /** Mean Kullback-Leibler divergence of the predictions from the reference's, nats. */
  divergence: number;
  /** Share of targets at which the most likely token is the reference's. */
  sameToken: number;
}

/** Log-probabilities of every target's prediction. */
export async function predictions(documents: readonly TokenDocument[], logitsOf: LogitsOf): Promise<Float32Array[]> {
  const all: Float32Array[] = [];
  for (const document of documents) all.push(...(await logitsOf(document)).map(logSoftmax));
  return all;
}

export function compare(
  documents: readonly TokenDocument[],
  reference: readonly Float32Array[],
  found: readonly Float32Array[],
): LossFigures {
  const expected = documents.flatMap(({ ids, targets }) => targets.map((at) => ids[at]!));
  if (expected.length !== found.length || expected.length !== reference.length) throw new Error("Targets are missing.");
  let loss = 0;
  let divergence = 0;
  let same = 0;
  expected.forEach((id, i) => {
    loss -= found[i]![id]!;
    divergence += divergenceOf(reference[i]!, found[i]!);
    if (largest(reference[i]!) === largest(found[i]!)) ++same;
  });
  const { length } = expected;
  return { targets: length, loss: loss / length, divergence: divergence / length, sameToken: same / length };
}

function logSoftmax(logits: Float32Array): Float32Array {
  let top = Number.NEGATIVE_INFINITY;
  for (const value of logits) top = Math.max(top, value);
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - top);
  const total = top + Math.log(sum);
  return logits.map((value) => value - total);
}

function divergenceOf(p: Float32Array, q: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < p.length; ++i) sum += Math.exp(p[i]!) * (p[i]! - q[i]!);
  return sum;
}

function largest(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; ++i) if (values[i]! > values[best]!) best = i;
  return best;
}
