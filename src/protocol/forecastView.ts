/** The forecast of a launch form: extension host ↔ the page's section. Types only. */

import type { EnginePlan, MeasuringStage, SettingChange } from "./engine";

/** What the run would take where it were started now. */
export type RunForecast = EnginePlan;

/** A setting that is worth a second look although the run could be started, and what would change it. */
export type ForecastAdvice =
  /** The run would take longer than a working day. */
  | { kind: "long"; seconds: number; changes: SettingChange[] }
  /** Rows that are longer than a sequence are not learned from. */
  | { kind: "over-length"; rows: number; of: number; changes: SettingChange[] };

/** A change of the form that would make the run fit; the plan would then need at least so much memory. */
export interface ForecastFix {
  changes: SettingChange[];
  bytes: number;
}

/** Bytes: what the smallest plan takes, and what it may take. */
export interface MissingMemory {
  least: number;
  usable: number;
  /** What it may take when the runs ahead of it have ended, where that is enough; else null. */
  inTurn: number | null;
}

export type ToForecast =
  | { type: "forecast"; state: "loading" }
  | { type: "forecast"; state: "ready"; forecast: RunForecast; advice: ForecastAdvice[] }
  /** Why the run could not be started now, with what would help. */
  | { type: "forecast"; state: "error"; message: string; memory: MissingMemory | null; fixes: ForecastFix[] }
  /** A dry run goes on; it is followed by a forecast, by "measureFailed", or by "idle" where it was cancelled. */
  | { type: "measuring"; state: "running"; stage: MeasuringStage; fraction: number }
  | { type: "measuring"; state: "idle" }
  | { type: "measuring"; state: "failed"; message: string };

export type FromForecast =
  /** After a refusal: memory may have become free. */
  | { type: "forecastAgain" }
  | { type: "measure" }
  | { type: "cancelMeasure" }
  | { type: "changeSettings"; changes: SettingChange[] };
