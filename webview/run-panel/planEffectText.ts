import type { FormField } from "../../src/protocol/planForm";
import type { FieldEffect } from "../../src/protocol/planView";
import { duration, memory } from "../figures";
import { t } from "../texts";

/** Below this a forecast's difference is none that a person could tell. */
const LEAST_BYTES = 2 ** 20;

/** "Memory +120 MB, time +40 s against Standard" */
export function effectText(effect: FieldEffect, field: FormField, presetName: string): string {
  const own = beganWith(field);
  const preset = own ?? presetName;
  if (effect.kind === "needed") {
    return own === null
      ? t("With the value of {0} the run would not fit into memory", preset)
      : t("With {0} the run would not fit into memory", own);
  }
  const bytes = Math.abs(effect.bytes) < LEAST_BYTES ? null : signed(effect.bytes, memory);
  const seconds = Math.abs(effect.seconds) < 0.5 ? null : signed(effect.seconds, duration);
  if (bytes !== null && seconds !== null) return t("Memory {0}, time {1} against {2}", bytes, seconds, preset);
  if (bytes !== null) return t("Memory {0}, the same time as {1}", bytes, preset);
  if (seconds !== null) return t("Time {0}, the same memory as {1}", seconds, preset);
  return t("Memory and time as with {0}", preset);
}

/** What a plan begins with where no preset says it. */
function beganWith(field: FormField): string | null {
  switch (field) {
    case "modelPath":
      return t("the default model");
    case "weight":
    case "mixture":
      return t("equal weights");
    case "completionPercent":
      return t("no samples for completion");
    case "completionFrom":
    case "completionFolder":
      return t("the rows' answers alone");
    case "heldOut":
    case "heldOutPath":
      return t("a share held out");
    default:
      return null;
  }
}

/** With a sign that screen readers say and that is as wide as the plus. */
function signed(value: number, figure: (value: number) => string): string {
  return `${value < 0 ? "−" : "+"}${figure(Math.abs(value))}`;
}
