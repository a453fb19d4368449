import type { EngineReference } from "../protocol/engine";
import type { ExportPrecision, ParityReport } from "../protocol/run";
import type { OnnxLlama } from "./session";

/** What a float32 export may differ from the engine in. */
export const PARITY_LIMITS = { logits: 1e-3, heldOutLoss: 1e-3, prompts: 8, greedyTokens: 64 } as const;
/** By how much rounded weights may raise the held-out loss, and what is worth a warning: a weak adapter can vanish in 4 bits. */
export const LOSS_RISE = { refused: 0.1, warned: 0.02 } as const;
/** Where nothing was held out, nats: the next token is another one far more often than rounding explains. */
const DIVERGENCE_LIMIT = 0.5;

export interface ParityInput {
  model: OnnxLlama;
  reference: EngineReference;
  /** Left out: fp32. */
  precision?: ExportPrecision;
  /** Both null where the run held nothing out. */
  engineHeldOutLoss: number | null;
  onnxHeldOutLoss: number | null;
  onProgress?(fraction: number): void;
  signal?: AbortSignal;
}

/**
 * Compares the exported model with the engine. Of rounded weights the held-out loss decides. Float32 is strict on purpose: greedy tokens must be equal even where two logits are
 * nearly tied, so that a passed gate means that the user gets the very text that the trained model would write.
 */
export async function checkParity(input: ParityInput): Promise<ParityReport> {
  const { model, reference, signal } = input;
  const reasons: string[] = [];
  const exact = (input.precision ?? "fp32") === "fp32";
  let worst = 0;
  let divergence = 0;
  let compared = 0;
  let equal = true;
  for (const [index, prompt] of reference.prompts.entries()) {
    model.reset();
    const logits = await model.lastLogits(prompt.ids, signal);
    worst = larger(worst, maxDifference(logits, prompt.lastLogits));
    divergence += divergenceOf(prompt.lastLogits, logits) / reference.prompts.length;
    const { tokens } = await model.generate(prompt.ids, { maxTokens: prompt.greedy.length, signal });
    compared += prompt.greedy.length;
    const at = prompt.greedy.findIndex((id, i) => id !== tokens[i]);
    if (at !== -1 || tokens.length !== prompt.greedy.length) {
      equal = false;
      if (exact)
        reasons.push(
          `On prompt ${index + 1} greedy token ${at + 1} of ${prompt.greedy.length} is ${tokens[at]} instead of the engine's ${prompt.greedy[at]}.`,
        );
    }
    input.onProgress?.((index + 1) / reference.prompts.length);
  }
  if (reference.prompts.length === 0) reasons.push("No prompt was compared.");
  // Negated, so that NaN fails.
  if (exact && !(worst <= PARITY_LIMITS.logits)) {
    reasons.unshift(
      `The largest difference between logits is ${figure(worst)}, more than the allowed ${figure(PARITY_LIMITS.logits)}.`,
    );
  }
  const losses = [input.engineHeldOutLoss, input.onnxHeldOutLoss] as const;
  const rise = exact ? null : riseOf(...losses);
  const lossReason = exact ? compareLosses(...losses) : judgeRise(rise, divergence);
  if (lossReason) reasons.push(lossReason);
  return {
    passed: reasons.length === 0,
    reasons,
    prompts: reference.prompts.length,
    // JSON has no NaN or infinity; the largest finite number says the same.
    maxAbsLogitDifference: Number.isFinite(worst) ? worst : Number.MAX_VALUE,
    meanDivergence: Number.isFinite(divergence) ? divergence : Number.MAX_VALUE,
    ...(rise !== null && rise > LOSS_RISE.warned ? { warnings: [riseText(rise)] } : {}),
    greedyTokensCompared: compared,
    greedyTokensEqual: equal,
    engineHeldOutLoss: input.engineHeldOutLoss,
    onnxHeldOutLoss: input.onnxHeldOutLoss,
  };
}

/** The held-out loss's rise over the engine's, as a share of it; null where nothing was held out. */
function riseOf(engine: number | null, onnx: number | null): number | null {
  return engine === null || onnx === null ? null : onnx / engine - 1;
}

function judgeRise(rise: number | null, divergence: number): string | null {
  if (rise === null) {
    if (divergence <= DIVERGENCE_LIMIT) return null;
    return `The next token diverges by ${divergence.toFixed(2)} nats, more than the allowed ${DIVERGENCE_LIMIT}.`;
  }
  // Negated, so that NaN fails.
  return rise <= LOSS_RISE.refused ? null : riseText(rise);
}

function riseText(rise: number): string {
  return `Rounding the weights raised the held-out loss by ${(100 * rise).toFixed(1)} %; choose a higher precision.`;
}

/** Σ p (log p − log q) of the softmax of two lists of logits, nats. */
function divergenceOf(p: readonly (number | null)[], q: Float32Array): number {
  const logits = p.map((value) => value ?? Number.NaN);
  const [pTotal, qTotal] = [logSumExp(logits), logSumExp(q)];
  let sum = 0;
  logits.forEach((value, i) => {
    sum += Math.exp(value - pTotal) * (value - pTotal - (q[i]! - qTotal));
  });
  return sum;
}

function logSumExp(values: ArrayLike<number>): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; ++i) largest = Math.max(largest, values[i]!);
  let sum = 0;
  for (let i = 0; i < values.length; ++i) sum += Math.exp(values[i]! - largest);
  return largest + Math.log(sum);
}

/** One sentence for the user on why a model is not offered. */
export function parityFailure(report: ParityReport): string {
  const [first, ...more] = report.reasons;
  const rest = more.length > 0 ? ` (and ${more.length} more ${more.length === 1 ? "difference" : "differences"})` : "";
  const reason = (first ?? "The comparison did not pass.").replace(/\.$/, "");
  return `The exported model does not agree with the training engine and is not offered: ${lowerFirst(reason)}${rest}.`;
}

function compareLosses(engine: number | null, onnx: number | null): string | null {
  if (engine === null && onnx === null) return null;
  if (engine === null || onnx === null) {
    return `The held-out loss is known on one side only (engine ${engine ?? "unknown"}, exported model ${onnx ?? "unknown"}).`;
  }
  if (Math.abs(engine - onnx) <= PARITY_LIMITS.heldOutLoss) return null;
  return `The held-out loss is ${onnx.toFixed(6)} instead of the engine's ${engine.toFixed(6)}, further off than the allowed ${figure(PARITY_LIMITS.heldOutLoss)}.`;
}

function maxDifference(a: Float32Array, b: readonly (number | null)[]): number {
  if (a.length !== b.length) return Number.NaN;
  let worst = 0;
  for (let i = 0; i < a.length; ++i) worst = larger(worst, Math.abs(a[i]! - (b[i] ?? Number.NaN)));
  return worst;
}

/** NaN is larger than everything. */
function larger(a: number, b: number): number {
  return Number.isNaN(a) || b <= a ? a : b;
}

function figure(value: number): string {
  return Number.isFinite(value) ? value.toExponential(2) : "not a finite number";
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
