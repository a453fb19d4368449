/** What a forecast that can be started still makes worth a second look. */
import type { EnginePlan } from "../protocol/engine";
import type { ForecastAdvice } from "../protocol/forecastView";
import type { PlanSettings } from "../protocol/planForm";
import { ranges } from "./runSpec";

/** A night: a run that takes longer is in the way of the next day's work. */
export const LONG_SECONDS = 8 * 3600;

/** Reasons of skipped rows that a longer sequence would mend. */
const TOO_LONG = ["over-length", "answer-cut"];

export interface SkippedRows {
  rows: number;
  skippedByReason: Readonly<Record<string, number>>;
}

export function adviceFor(
  settings: PlanSettings,
  plan: Pick<EnginePlan, "seconds" | "steps" | "maxPositions">,
  { rows, skippedByReason }: SkippedRows,
): ForecastAdvice[] {
  const advice: ForecastAdvice[] = [];
  if (plan.seconds > LONG_SECONDS)
    advice.push({ kind: "long", seconds: plan.seconds, changes: shorter(settings, plan) });
  const tooLong = TOO_LONG.reduce((sum, reason) => sum + (skippedByReason[reason] ?? 0), 0);
  if (tooLong > 0) {
    advice.push({ kind: "over-length", rows: tooLong, of: rows, changes: longer(settings, plan.maxPositions) });
  }
  return advice;
}

/** One pass where there are several, else as many steps as a night has. */
function shorter(
  { length, epochs }: PlanSettings,
  { seconds, steps }: Pick<EnginePlan, "seconds" | "steps">,
): ForecastAdvice["changes"] {
  if (length === "epochs" && epochs > 1 && seconds / epochs <= LONG_SECONDS) {
    return [{ field: "training.epochs", value: 1 }];
  }
  const fitting = Math.floor((steps * LONG_SECONDS) / seconds);
  return fitting < 1 ? [] : [{ field: "training.steps", value: roundedDown(fitting) }];
}

/** Two digits: more would pretend to know. */
function roundedDown(value: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(value)) - 1);
  return Math.floor(value / unit) * unit;
}

function longer({ sequenceLength }: PlanSettings, longest: number): ForecastAdvice["changes"] {
  const value = Math.min(sequenceLength * 2, longest, ranges.sequenceLength.max);
  return value > sequenceLength ? [{ field: "sequenceLength", value }] : [];
}
