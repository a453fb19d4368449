/** Which steps are in sight. Pure. */
import type { StepRange } from "./curveModel";

/** A stretch of fewer steps is no curve. */
const LEAST_STEPS = 2;

/** Null: all steps from 0 to `last`. Undefined: too narrow a stretch to be shown. */
export function zoomTo(from: number, to: number, last: number): StepRange | null | undefined {
  const range = { from: Math.max(0, Math.floor(from)), to: Math.min(last, Math.ceil(to)) };
  if (range.from === 0 && range.to === last) return null;
  return range.to - range.from >= LEAST_STEPS ? range : undefined;
}

/** The stretch in sight made `factor` times as long, so that `step` stays where it is on the screen. */
export function zoomAround(step: number, factor: number, [from, to]: readonly [number, number], last: number) {
  return zoomTo(step - (step - from) * factor, step + (to - step) * factor, last);
}

/** The stretch in sight moved just so far that `step` is in it. */
export function panTo(step: number, { from, to }: StepRange): StepRange {
  if (step < from) return { from: step, to: to - (from - step) };
  if (step > to) return { from: from + (step - to), to: step };
  return { from, to };
}

/** The step at a place of the axis: within the stretch in sight, and no further than the last known. */
export function stepNear(place: number, [from, to]: readonly [number, number], lastKnown: number): number {
  return Math.min(lastKnown, Math.max(from, Math.min(to, Math.round(place))));
}
