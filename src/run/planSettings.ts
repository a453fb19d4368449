/** The launch form's settings and those of a run, each made from the other. */

import type { PlanForm, PlanSettings } from "../protocol/planForm";
import type { RunSpec } from "../protocol/run";
import { defaultSettings, type Range, type RunSettings, ranges } from "./runSpec";

/** The form's fields that hold a number. */
export type NumberField = {
  [K in keyof PlanForm]-?: Extract<PlanForm[K], number> extends never ? never : K;
}[keyof PlanForm];

const GIGABYTE = 2 ** 30;

/** What each number of the form may be, in the form's units. */
export const fieldRanges: Record<NumberField, Range> = {
  weight: ranges["dataset.weight"],
  completionPercent: { min: 0, max: 100 * ranges["dataset.completion.share"].max },
  rank: ranges["lora.rank"],
  alpha: ranges["lora.alpha"],
  dropout: ranges["lora.dropout"],
  learningRate: ranges["optimizer.learningRate"],
  warmupSteps: ranges["optimizer.warmupSteps"],
  weightDecay: ranges["optimizer.weightDecay"],
  clipNorm: ranges["optimizer.clipNorm"],
  epochs: ranges["training.epochs"],
  steps: ranges["training.steps"],
  sequenceLength: ranges.sequenceLength,
  sequencesPerStep: ranges["training.sequencesPerStep"],
  seed: ranges["training.seed"],
  heldOutPercent: {
    min: 100 * ranges["dataset.heldOut.fraction"].min,
    max: 100 * ranges["dataset.heldOut.fraction"].max,
  },
  evalEvery: ranges["training.evalEvery"],
  checkpointEvery: ranges["training.checkpointEvery"],
  keepCheckpoints: ranges["training.keepCheckpoints"],
  patience: ranges["training.earlyStopping.patience"],
  minDelta: ranges["training.earlyStopping.minDelta"],
  microBatch: ranges["training.microBatch"],
  memoryLimit: { min: ranges.memoryBudget.min / GIGABYTE, max: ranges.memoryBudget.max / GIGABYTE },
};

export function inRange(value: number, { min, max, whole }: Range): boolean {
  return Number.isFinite(value) && value >= min && value <= max && (!whole || Number.isInteger(value));
}

/** What early stopping begins with where it is turned on. */
const PATIENCE = 3;
const MIN_DELTA = 0;
/** The steps that the form begins with where steps are counted instead of passes. */
const STEPS = 60;
const HELD_OUT_PERCENT = 10;
/** Below this share of the steps evaluations and checkpoints come too seldom to be seen. */
const MARKS = 10;
/** Of a long run: on a GPU one of them, with its answers and its checkpoint, takes as long as a hundred steps may. */
const MOST_MARKS = 20;

/** The form's settings where everything is left alone. */
export function standardSettings(): PlanSettings {
  const settings = settingsOf(defaultSettings());
  return { ...settings, evalEvery: "auto", checkpointEvery: "auto" };
}

/** As a person would have to set them for a run like this one; `dataset`: what of it is set there besides. */
export function settingsOf(run: RunSettings, dataset?: Pick<RunSpec["dataset"], "heldOut" | "packing">): PlanSettings {
  const { lora, optimizer, training } = run;
  const { earlyStopping } = training;
  const { heldOut, packing = true } = dataset ?? {};
  return {
    rank: lora.rank,
    alpha: lora.alpha,
    dropout: lora.dropout,
    targets: [...lora.targets],
    rankStabilised: lora.rankStabilised,
    learningRate: optimizer.learningRate,
    schedule: optimizer.schedule,
    warmupSteps: optimizer.warmupSteps,
    weightDecay: optimizer.weightDecay,
    clipNorm: optimizer.clipNorm,
    length: training.steps === null ? "epochs" : "steps",
    epochs: training.epochs ?? 1,
    steps: training.steps ?? STEPS,
    sequenceLength: run.sequenceLength,
    sequencesPerStep: training.sequencesPerStep,
    packing,
    seed: training.seed,
    heldOutPercent: heldOut?.kind === "fraction" ? Number((heldOut.fraction * 100).toFixed(3)) : HELD_OUT_PERCENT,
    evalEvery: training.evalEvery,
    checkpointEvery: training.checkpointEvery,
    keepCheckpoints: training.keepCheckpoints,
    earlyStopping: earlyStopping !== null,
    patience: earlyStopping?.patience ?? PATIENCE,
    minDelta: earlyStopping?.minDelta ?? MIN_DELTA,
    // It belongs to the base model in run.json.
    quantization: "none",
    recompute: training.recompute,
    microBatch: training.microBatch ?? "auto",
    device: run.device,
    memoryLimit: run.memoryBudget === null ? "auto" : run.memoryBudget / GIGABYTE,
  };
}

export interface RunSize {
  threads: number;
  /** Of one pass over what will be learned; null: not counted yet. */
  sequences: number | null;
}

/** What settings within their ranges ask of a run. */
export function runSettings(settings: PlanSettings, { threads, sequences }: RunSize): RunSettings {
  const defaults = defaultSettings();
  const every = markEvery(settings, sequences);
  const interval = (chosen: number | "auto", usual: number) => (chosen === "auto" ? (every ?? usual) : chosen);
  return {
    sequenceLength: settings.sequenceLength,
    lora: {
      rank: settings.rank,
      alpha: settings.alpha,
      targets: [...settings.targets],
      dropout: settings.dropout,
      rankStabilised: settings.rankStabilised,
    },
    optimizer: {
      ...defaults.optimizer,
      learningRate: settings.learningRate,
      schedule: settings.schedule,
      warmupSteps: settings.warmupSteps,
      weightDecay: settings.weightDecay,
      clipNorm: settings.clipNorm,
    },
    training: {
      steps: settings.length === "steps" ? settings.steps : null,
      epochs: settings.length === "epochs" ? settings.epochs : null,
      sequencesPerStep: settings.sequencesPerStep,
      microBatch: settings.microBatch === "auto" ? null : settings.microBatch,
      evalEvery: interval(settings.evalEvery, defaults.training.evalEvery),
      checkpointEvery: interval(settings.checkpointEvery, defaults.training.checkpointEvery),
      keepCheckpoints: settings.keepCheckpoints,
      earlyStopping: settings.earlyStopping ? { patience: settings.patience, minDelta: settings.minDelta } : null,
      seed: settings.seed,
      recompute: settings.recompute,
    },
    device: settings.device,
    threads,
    memoryBudget: settings.memoryLimit === "auto" ? null : Math.round(settings.memoryLimit * GIGABYTE),
  };
}

/**
 * Steps from one evaluation, and one checkpoint, to the next. A short run has more of them than the default, so that its
 * curve has points and a stop costs little, a long one fewer, so that they take a share of its time. Null: not known.
 */
export function markEvery(settings: PlanSettings, sequences: number | null): number | null {
  const { length, epochs, sequencesPerStep } = settings;
  if (length === "epochs" && sequences === null) return null;
  const steps = length === "steps" ? settings.steps : ((sequences ?? 0) * epochs) / sequencesPerStep;
  const usual = defaultSettings().training.evalEvery;
  const often = Math.max(5, Math.round(steps / MARKS));
  return often <= usual ? often : Math.max(usual, Math.round(steps / MOST_MARKS));
}

/** Whether two settings ask for the same; what does not count at present may differ. */
export function sameSettings(a: PlanSettings, b: PlanSettings): boolean {
  return changedSettings(a, b).length === 0;
}

/** The settings that differ and count. */
export function changedSettings(a: PlanSettings, b: PlanSettings): (keyof PlanSettings)[] {
  return (Object.keys(b) as (keyof PlanSettings)[]).filter((name) => {
    if (name === (a.length === "steps" ? "epochs" : "steps")) return false;
    if ((name === "patience" || name === "minDelta") && !a.earlyStopping) return false;
    const [left, right] = [a[name], b[name]];
    // The order in which projections are named means nothing.
    if (Array.isArray(left) && Array.isArray(right)) return [...left].sort().join() !== [...right].sort().join();
    return !Object.is(left, right);
  });
}
