export interface BudgetInput {
  /** For everything that is still to do, evaluation and export included. */
  seconds: number;
  /** The engine's, while training. */
  tokensPerSecond: number;
  tokensPerRow: number;
  heldOutTokens: number;
  /** Packed sequences' tokens in one step, and after how many steps the held-out loss is computed again. */
  tokensPerStep: number;
  evalEvery: number;
  rows: number;
}

/** Fewer would make no fair demonstration, however slow the machine. */
const FEWEST_ROWS = 1000;
/** A forward pass alone runs at least this much faster than a training step on the same tokens. */
const EVALUATION_SPEED = 2.5;
/** Writing the export and comparing its prompts. */
const EXPORT_SECONDS = 20;
/** Machines with other work on them slow down after the calibration. */
const RESERVE = 0.88;

/** How many training rows fit into the time: all of them, or as many as can be trained on once. */
export function rowsThatFit(input: BudgetInput): number {
  const evaluation = input.heldOutTokens / (input.tokensPerSecond * EVALUATION_SPEED);
  // Before, after, and once more through ONNX.
  const left = input.seconds * RESERVE - EXPORT_SECONDS - 3 * evaluation;
  const stepSeconds = input.tokensPerStep / input.tokensPerSecond;
  const perStep = stepSeconds + (input.evalEvery > 0 ? evaluation / input.evalEvery : 0);
  const tokens = (left / perStep) * input.tokensPerStep;
  const fitting = Math.floor(tokens / input.tokensPerRow);
  return Math.min(input.rows, Math.max(FEWEST_ROWS, fitting));
}
