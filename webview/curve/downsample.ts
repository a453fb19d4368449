import type { Point } from "../../src/protocol/webview";

/**
 * At most about `limit` of the points, as indices in ascending order: of each stretch the lowest and the highest, so
 * that no peak is lost. First and last are always among them.
 */
export function downsample(points: readonly Point[], limit: number, from = 0, to = points.length): number[] {
  const length = to - from;
  if (length <= limit || limit < 4) return Array.from({ length }, (_, index) => from + index);
  const stretches = Math.floor((limit - 2) / 2);
  const chosen = [from];
  for (let stretch = 0; stretch < stretches; stretch++) {
    const start = from + 1 + Math.floor((stretch * (length - 2)) / stretches);
    const end = from + 1 + Math.floor(((stretch + 1) * (length - 2)) / stretches);
    let lowest = start;
    let highest = start;
    for (let index = start + 1; index < end; index++) {
      if (points[index]!.value < points[lowest]!.value) lowest = index;
      if (points[index]!.value > points[highest]!.value) highest = index;
    }
    chosen.push(Math.min(lowest, highest));
    if (lowest !== highest) chosen.push(Math.max(lowest, highest));
  }
  chosen.push(to - 1);
  return chosen;
}

/** The first index whose step is at least `step`. */
export function lowerBound(points: readonly Point[], step: number): number {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (points[middle]!.step < step) low = middle + 1;
    else high = middle;
  }
  return low;
}
