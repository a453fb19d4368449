/**
 * Second moments Σ x·xᵀ of a matrix's inputs over calibration tokens, in windows of neighbouring columns: [columns / window]
 * blocks of [window, window], row by row. What lies outside the blocks is taken as zero, so that memory and time grow
 * with the columns and not with their square.
 */
export interface InputMoments {
  window: number;
  sums: Float32Array;
}

/** By window: how a rounding error of one column is made good by the columns that are rounded after it. */
export interface ErrorFeedback {
  window: number;
  /** [columns]: the order in which each window's columns are rounded, as offsets into the window. */
  order: Uint16Array;
  /**
   * [columns / window][window, window]: U, upper triangular, with UᵀU the inverse of the damped moments in that order. An
   * error e of column i, rounded before column j, is made good by e · U[i, j] / U[i, i] at j.
   */
  factors: Float64Array[];
  /** [columns]: mean square of each column's inputs, up to a factor. */
  weights: Float32Array;
}

/** Of the mean diagonal, added to it: moments of few tokens are singular. */
const DAMPING = 0.05;

/** The factors of GPTQ (Frantar et al. 2023), a window at a time; the inputs that are largest are rounded first. */
export function errorFeedback({ window, sums }: InputMoments): ErrorFeedback {
  const columns = sums.length / window;
  const feedback: ErrorFeedback = {
    window,
    order: new Uint16Array(columns),
    factors: [],
    weights: new Float32Array(columns),
  };
  for (let first = 0; first < columns; first += window) {
    const block = sums.subarray(first * window, (first + window) * window);
    let trace = 0;
    for (let i = 0; i < window; ++i) trace += block[i * window + i]!;
    // Without inputs all columns count the same.
    const damping = trace > 0 ? (DAMPING * trace) / window : 1;
    for (let i = 0; i < window; ++i) feedback.weights[first + i] = block[i * window + i]! + damping;
    const weights = feedback.weights.subarray(first, first + window);
    const order = Array.from({ length: window }, (_, i) => i).sort((a, b) => weights[b]! - weights[a]!);
    feedback.order.set(order, first);
    feedback.factors.push(inverseFactor(block, window, order, damping));
  }
  return feedback;
}

/** U of `ErrorFeedback`. With H = R·Rᵀ, R upper triangular, it is R⁻¹. */
function inverseFactor(block: Float32Array, size: number, order: readonly number[], damping: number): Float64Array {
  const r = new Float64Array(size * size);
  for (let i = 0; i < size; ++i) {
    for (let j = i; j < size; ++j) r[i * size + j] = block[order[i]! * size + order[j]!]!;
    r[i * size + i]! += damping;
  }
  // Cholesky from the last column on: column j of R, then its product is taken from all that lies before it.
  for (let j = size - 1; j >= 0; --j) {
    const pivot = Math.sqrt(r[j * size + j]!);
    r[j * size + j] = pivot;
    for (let i = 0; i < j; ++i) r[i * size + j]! /= pivot;
    for (let i = 0; i < j; ++i) {
      const factor = r[i * size + j]!;
      if (factor === 0) continue;
      for (let k = i; k < j; ++k) r[i * size + k]! -= factor * r[k * size + j]!;
    }
  }
  return inverseOfUpper(r, size);
}

function inverseOfUpper(r: Float64Array, size: number): Float64Array {
  const inverse = new Float64Array(size * size);
  for (let i = size - 1; i >= 0; --i) {
    const pivot = 1 / r[i * size + i]!;
    inverse[i * size + i] = pivot;
    for (let k = i + 1; k < size; ++k) {
      const factor = r[i * size + k]! * pivot;
      if (factor === 0) continue;
      for (let j = k; j < size; ++j) inverse[i * size + j]! -= factor * inverse[k * size + j]!;
    }
  }
  return inverse;
}
