import type { RunHistory } from "./runHistory";

/** Evaluations in a row that were each higher than the one before. */
const RISING_EVALUATIONS = 3;
/** Weight of the newest step in the smoothed training loss. */
const SMOOTHING = 0.05;
/** Before so many steps the smoothed loss says little. */
const SETTLING_STEPS = 30;
const RISE = 1.3;
/** The rise lasts for so many steps, and this share of all of them. */
const RISING_STEPS = 50;
const RISING_SHARE = 0.02;
const HOT_MS = 60_000;
const LEAST_FREE_BYTES = 2e9;
const CHECKPOINTS_OF_ROOM = 3;

export type Alert =
  /** The held-out loss at the last evaluation and `RISING_EVALUATIONS` before. */
  | { kind: "loss-rising"; of: "held-out"; step: number; from: number; to: number }
  /** The smoothed training loss, and the lowest that it has been. */
  | { kind: "loss-rising"; of: "training"; step: number; from: number; to: number }
  | { kind: "temperature"; celsius: number };

/** What of a run's course is worth a word. Looks at what is new since the last look; the same may be found again. */
export class AlertRules {
  #revision = -1;
  #trained = 0;
  #smoothed = 0;
  #weight = 0;
  #lowest = Number.POSITIVE_INFINITY;
  #risingSteps = 0;
  #hotSince: number | undefined;

  /** `temperatureLimit`: in °C, what counts as hot. */
  look(history: Readonly<RunHistory>, temperatureLimit: number): Alert[] {
    if (history.revision !== this.#revision) this.#startOver(history.revision);
    const found = [risingEvaluations(history), this.#risingTraining(history), this.#heat(history, temperatureLimit)];
    return found.filter((alert) => alert !== undefined);
  }

  #startOver(revision: number): void {
    this.#revision = revision;
    this.#trained = 0;
    this.#smoothed = 0;
    this.#weight = 0;
    this.#lowest = Number.POSITIVE_INFINITY;
    this.#risingSteps = 0;
  }

  #risingTraining({ series, totalSteps }: Readonly<RunHistory>): Alert | undefined {
    const { values, steps } = series.loss;
    let mean = this.#smoothed / (this.#weight || 1);
    for (; this.#trained < values.length; this.#trained++) {
      this.#smoothed += SMOOTHING * (values[this.#trained]! - this.#smoothed);
      this.#weight += SMOOTHING * (1 - this.#weight);
      mean = this.#smoothed / this.#weight;
      if (this.#trained < SETTLING_STEPS) continue;
      this.#lowest = Math.min(this.#lowest, mean);
      this.#risingSteps = mean > this.#lowest * RISE ? this.#risingSteps + 1 : 0;
    }
    if (this.#risingSteps < Math.max(RISING_STEPS, totalSteps * RISING_SHARE)) return undefined;
    return { kind: "loss-rising", of: "training", step: steps.at(-1)!, from: this.#lowest, to: mean };
  }

  #heat({ telemetry, computesSince }: Readonly<RunHistory>, limit: number): Alert | undefined {
    const celsius = telemetry?.temperature ?? null;
    if (telemetry === undefined || celsius === null || celsius < limit) {
      this.#hotSince = undefined;
      return undefined;
    }
    // Nobody knows how hot it was in a pause.
    if (this.#hotSince === undefined || this.#hotSince < computesSince) this.#hotSince = telemetry.time;
    return telemetry.time - this.#hotSince >= HOT_MS ? { kind: "temperature", celsius } : undefined;
  }
}

function risingEvaluations({ series }: Readonly<RunHistory>): Alert | undefined {
  const last = series.evalLoss.values.slice(-RISING_EVALUATIONS - 1);
  if (last.length <= RISING_EVALUATIONS) return undefined;
  if (!last.every((value, index) => index === 0 || value > last[index - 1]!)) return undefined;
  return { kind: "loss-rising", of: "held-out", step: series.evalLoss.lastStep!, from: last[0]!, to: last.at(-1)! };
}

/** `adapterBytes`: of the plan event, with gradient and moments; null: not known yet. */
export function isDiskNearlyFull(freeBytes: number, adapterBytes: number | null): boolean {
  // A checkpoint holds the adapter and its two moments, not the gradient.
  const checkpoint = ((adapterBytes ?? 0) * 3) / 4;
  return freeBytes < Math.max(LEAST_FREE_BYTES, checkpoint * CHECKPOINTS_OF_ROOM);
}
