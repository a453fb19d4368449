/**
 * A stretch of a series on its way to a page. A run of 100,000 steps is sent whole when its panel opens, through VS
 * Code's compressed channels: gaps between steps are nearly all the same and take no room there, and a picture needs no
 * more than seven digits.
 */
export interface SeriesPiece {
  /** From each point's step to the next one's; the first from step 0. */
  gaps: Float64Array;
  values: Float32Array;
}

/** Of the points from `from` up to `to`. */
export function packSeries(
  steps: readonly number[],
  values: readonly number[],
  from = 0,
  to = steps.length,
): SeriesPiece {
  const piece = { gaps: new Float64Array(to - from), values: new Float32Array(to - from) };
  for (let index = from, last = 0; index < to; index++) {
    const step = steps[index]!;
    piece.gaps[index - from] = step - last;
    piece.values[index - from] = values[index]!;
    last = step;
  }
  return piece;
}

export function stepsOf({ gaps }: SeriesPiece): number[] {
  let step = 0;
  return Array.from(gaps, (gap) => (step += gap));
}
