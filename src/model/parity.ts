import type { EngineReference } from "../protocol/engine";
import type { ParityReport } from "../protocol/run";
import type { OnnxLlama } from "./session";

/** What an export may differ from the engine in. */
export const PARITY_LIMITS = { logits: 1e-3, heldOutLoss: 1e-3, prompts: 8, greedyTokens: 64 } as const;

export interface ParityInput {
  model: OnnxLlama;
  reference: EngineReference;
  /** Both null where the run held nothing out. */
  engineHeldOutLoss: number | null;
  onnxHeldOutLoss: number | null;
  onProgress?(fraction: number): void;
  signal?: AbortSignal;
}

/**
 * Compares the exported model with the engine. Strict on purpose: greedy tokens must be equal even where two logits are
 * nearly tied, so that a passed gate means that the user gets the very text that the trained model would write.
 */
export async function checkParity(input: ParityInput): Promise<ParityReport> {
  const { model, reference, signal } = input;
  const reasons: string[] = [];
  let worst = 0;
  let compared = 0;
  let equal = true;
  for (const [index, prompt] of reference.prompts.entries()) {
    model.reset();
    const logits = await model.lastLogits(prompt.ids, signal);
    worst = larger(worst, maxDifference(logits, prompt.lastLogits));
    const { tokens } = await model.generate(prompt.ids, { maxTokens: prompt.greedy.length, signal });
    compared += prompt.greedy.length;
    const at = prompt.greedy.findIndex((id, i) => id !== tokens[i]);
    if (at !== -1 || tokens.length !== prompt.greedy.length) {
      equal = false;
      reasons.push(
        `On prompt ${index + 1} greedy token ${at + 1} of ${prompt.greedy.length} is ${tokens[at]} instead of the engine's ${prompt.greedy[at]}.`,
      );
    }
    input.onProgress?.((index + 1) / reference.prompts.length);
  }
  if (reference.prompts.length === 0) reasons.push("No prompt was compared.");
  // Negated, so that NaN fails.
  if (!(worst <= PARITY_LIMITS.logits)) {
    reasons.unshift(
      `The largest difference between logits is ${figure(worst)}, more than the allowed ${figure(PARITY_LIMITS.logits)}.`,
    );
  }
  const lossReason = compareLosses(input.engineHeldOutLoss, input.onnxHeldOutLoss);
  if (lossReason) reasons.push(lossReason);
  return {
    passed: reasons.length === 0,
    reasons,
    prompts: reference.prompts.length,
    // JSON has no NaN or infinity; the largest finite number says the same.
    maxAbsLogitDifference: Number.isFinite(worst) ? worst : Number.MAX_VALUE,
    greedyTokensCompared: compared,
    greedyTokensEqual: equal,
    engineHeldOutLoss: input.engineHeldOutLoss,
    onnxHeldOutLoss: input.onnxHeldOutLoss,
  };
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
