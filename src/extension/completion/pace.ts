/** How long to wait for the next key before the model is asked. Pure. */

/** What is known of how the user types and takes suggestions. */
export interface Habits {
  /** Smoothed time between keys; null: no two have been seen close to each other. */
  keyIntervalMs: number | null;
  /** −1: the last suggestions were all typed over; 1: all taken. */
  outcome: number;
}

export const NO_HABITS: Habits = { keyIntervalMs: null, outcome: 0 };

/** Beyond that the user was not typing but thinking. */
const LONGEST_INTERVAL_MS = 1500;
/** From this interval between keys on, typing is not fast at all. */
const SLOW_INTERVAL_MS = 400;
const SMOOTHING = 0.25;
/** What the setting's delay is multiplied by at the least and at the most. */
export const BOUNDS = { least: 0.5, most: 2.5 };

export function afterKey(habits: Habits, sinceLastMs: number): Habits {
  if (sinceLastMs < 0 || sinceLastMs > LONGEST_INTERVAL_MS) return habits;
  return { ...habits, keyIntervalMs: smoothed(habits.keyIntervalMs ?? sinceLastMs, sinceLastMs) };
}

export function afterOutcome(habits: Habits, outcome: "accepted" | "dismissed"): Habits {
  return { ...habits, outcome: smoothed(habits.outcome, outcome === "accepted" ? 1 : -1) };
}

/**
 * The wait in milliseconds, around the setting `base`: up to 2.5 times as long while the user types fast and over what is
 * offered, down to half of it while suggestions are taken.
 */
export function delayFor(base: number, { keyIntervalMs, outcome }: Habits): number {
  const fast = keyIntervalMs === null ? 0 : Math.max(0, 1 - keyIntervalMs / SLOW_INTERVAL_MS);
  const factor = outcome >= 0 ? 1 - 0.5 * outcome : 1 - 1.5 * outcome * (0.3 + 0.7 * fast);
  return Math.round(base * Math.min(BOUNDS.most, Math.max(BOUNDS.least, factor)));
}

function smoothed(before: number, now: number): number {
  return before + SMOOTHING * (now - before);
}
