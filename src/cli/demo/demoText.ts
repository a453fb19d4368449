import { grouped } from "../runText";

/** The demo's last line of output, exactly these fields. */
export interface DemoResult {
  /** Training rows used. */
  rows: number;
  heldoutRows: number;
  trainTokens: number;
  steps: number;
  /** Of training. */
  seconds: number;
  tokensPerSecond: number;
  heldoutLossBefore: number;
  heldoutLossAfter: number;
  onnxHeldoutLoss: number;
  parityMaxAbsDiff: number;
  completionFirstTokenMs: number;
  completion: string;
}

export function describeDemo(result: DemoResult, prefix: string, directory: string): string {
  const { heldoutLossBefore: before, heldoutLossAfter: after } = result;
  const fall = (100 * (before - after)) / before;
  return [
    "",
    `Trained      ${grouped(result.rows)} rows, ${grouped(result.trainTokens)} tokens in ${grouped(result.steps)} steps: ${grouped(result.seconds)} s, ${grouped(result.tokensPerSecond)} tokens/s`,
    `Held out     ${grouped(result.heldoutRows)} rows that training did not see: loss ${before.toFixed(4)} → ${after.toFixed(4)} (${fall >= 0 ? "−" : "+"}${Math.abs(fall).toFixed(1)} %)`,
    `ONNX         loss ${result.onnxHeldoutLoss.toFixed(4)}, logits within ${result.parityMaxAbsDiff.toExponential(1)} of the engine's`,
    `Completion   first token after ${result.completionFirstTokenMs.toFixed(0)} ms:`,
    "",
    ...`${prefix}▸${result.completion}`.split("\n").map((line) => `    ${line}`),
    "",
    `Everything lies in ${directory}`,
    "",
  ].join("\n");
}
