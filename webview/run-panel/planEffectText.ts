import type { FieldEffect } from "../../src/protocol/planView";
import { duration, memory } from "../figures";
import { t } from "../texts";

/** Below this a forecast's difference is none that a person could tell. */
const LEAST_BYTES = 2 ** 20;

/** "Memory +120 MB, time +40 s against Standard" */
export function effectText(effect: FieldEffect, preset: string): string {
  if (effect.kind === "needed") return t("With the value of {0} the run would not fit into memory", preset);
  const bytes = Math.abs(effect.bytes) < LEAST_BYTES ? null : signed(effect.bytes, memory);
  const seconds = Math.abs(effect.seconds) < 0.5 ? null : signed(effect.seconds, duration);
  if (bytes !== null && seconds !== null) return t("Memory {0}, time {1} against {2}", bytes, seconds, preset);
  if (bytes !== null) return t("Memory {0}, the same time as {1}", bytes, preset);
  if (seconds !== null) return t("Time {0}, the same memory as {1}", seconds, preset);
  return t("Memory and time as with {0}", preset);
}

/** With a sign that screen readers say and that is as wide as the plus. */
function signed(value: number, figure: (value: number) => string): string {
  return `${value < 0 ? "−" : "+"}${figure(Math.abs(value))}`;
}
