import { basename } from "node:path";
import type { RunSpec } from "../../protocol/run";
import type { DataSummary, FormErrors, PlanForm } from "../../protocol/webview";
import type { NewRun } from "../../run/runDirectory";
import { defaultSettings, type Range, ranges } from "../../run/runSpec";

/** Texts go through here, so that the checks stay free of `vscode`. */
export type Translate = (message: string, ...args: string[]) => string;

export const NAME_LENGTH = 80;
const heldOutRange: Range = { min: 0, max: 100 * ranges["dataset.heldOut.fraction"].max };
/** Below this share of the steps evaluations and checkpoints come too seldom to be seen. */
const MARKS = 10;

export function defaultForm(dataset: string, modelPath: string, sequenceLength: number): PlanForm {
  const { lora, optimizer, training } = defaultSettings();
  return {
    modelPath,
    quantization: "none",
    name: runName(dataset),
    rank: lora.rank,
    alpha: lora.alpha,
    learningRate: optimizer.learningRate,
    schedule: optimizer.schedule,
    warmupSteps: optimizer.warmupSteps,
    epochs: training.epochs ?? 1,
    sequenceLength,
    sequencesPerStep: training.sequencesPerStep,
    heldOutPercent: 10,
    seed: training.seed,
  };
}

/** The data set's name without its ending. */
export function runName(dataset: string): string {
  const name = basename(dataset).replace(/\.[^.]+$/, "");
  return (name === "" ? "run" : name).slice(0, NAME_LENGTH);
}

/** The plan that a run was started with, to run it again with changes. */
export function formOf(spec: RunSpec): PlanForm {
  const { heldOut } = spec.dataset;
  return {
    modelPath: spec.model.path,
    quantization: spec.model.quantization,
    name: spec.name,
    rank: spec.lora.rank,
    alpha: spec.lora.alpha,
    learningRate: spec.optimizer.learningRate,
    schedule: spec.optimizer.schedule,
    warmupSteps: spec.optimizer.warmupSteps,
    epochs: spec.training.epochs ?? 1,
    sequenceLength: spec.sequenceLength,
    sequencesPerStep: spec.training.sequencesPerStep,
    heldOutPercent: heldOut.kind === "fraction" ? Math.round(heldOut.fraction * 1000) / 10 : 0,
    seed: spec.training.seed,
  };
}

/** Every field that is wrong, with a sentence that names what it may be. */
export function checkForm(form: PlanForm, t: Translate): FormErrors {
  const errors: FormErrors = {};
  if (form.modelPath === "") errors.modelPath = t("Choose a base model.");
  const name = form.name.trim();
  if (name === "" || name.length > NAME_LENGTH) {
    errors.name = t("Name must have 1 to {0} characters.", String(NAME_LENGTH));
  }
  const fields: [keyof PlanForm, string, Range][] = [
    ["rank", t("Rank"), ranges["lora.rank"]],
    ["alpha", t("Alpha"), ranges["lora.alpha"]],
    ["learningRate", t("Learning rate"), ranges["optimizer.learningRate"]],
    ["warmupSteps", t("Warm-up steps"), ranges["optimizer.warmupSteps"]],
    ["epochs", t("Passes over the data"), ranges["training.epochs"]],
    ["sequenceLength", t("Sequence length"), ranges.sequenceLength],
    ["sequencesPerStep", t("Sequences per step"), ranges["training.sequencesPerStep"]],
    ["heldOutPercent", t("Held-out share"), heldOutRange],
    ["seed", t("Seed"), ranges["training.seed"]],
  ];
  for (const [field, label, range] of fields) {
    const value = form[field] as number;
    if (inRange(value, range)) continue;
    const [from, to] = [range.min, range.max].map(figure) as [string, string];
    errors[field] = range.whole
      ? t("{0} must be a whole number from {1} to {2}.", label, from, to)
      : t("{0} must be a number from {1} to {2}.", label, from, to);
  }
  const least = ranges["dataset.heldOut.fraction"].min * 100;
  if (!errors.heldOutPercent && form.heldOutPercent > 0 && form.heldOutPercent < least) {
    errors.heldOutPercent = t("Held-out share must be 0 or at least {0} percent.", figure(least));
  }
  return errors;
}

function inRange(value: number, { min, max, whole }: Range): boolean {
  return Number.isFinite(value) && value >= min && value <= max && (!whole || Number.isInteger(value));
}

function figure(value: number): string {
  return Math.abs(value) >= 1 && Number.isInteger(value) ? value.toLocaleString("en") : String(value);
}

export interface RunRequest {
  dataset: string;
  /** How settings say that the rows are written. */
  choice: DataSummary["choice"];
  threads: number;
  /** Of the rows that will be learned; null: not counted yet. */
  trainTokens: number | null;
}

/** The run that a valid form asks for. */
export function newRun(form: PlanForm, { dataset, choice, threads, trainTokens }: RunRequest): NewRun {
  const defaults = defaultSettings();
  const fraction = form.heldOutPercent / 100;
  const every = markEvery(form, trainTokens);
  return {
    ...defaults,
    name: form.name.trim(),
    model: { path: form.modelPath, quantization: form.quantization },
    dataset: {
      path: dataset,
      format: choice.format,
      ...(Object.keys(choice.fields).length > 0 ? { fields: choice.fields } : {}),
      template: "auto",
      heldOut: fraction === 0 ? { kind: "none" } : { kind: "fraction", fraction, by: "auto" },
      maxTrainRows: null,
      maxEvalRows: null,
    },
    sequenceLength: form.sequenceLength,
    lora: { ...defaults.lora, rank: form.rank, alpha: form.alpha },
    optimizer: {
      ...defaults.optimizer,
      learningRate: form.learningRate,
      schedule: form.schedule,
      warmupSteps: form.warmupSteps,
    },
    training: {
      ...defaults.training,
      steps: null,
      epochs: form.epochs,
      sequencesPerStep: form.sequencesPerStep,
      evalEvery: Math.min(every, defaults.training.evalEvery),
      checkpointEvery: Math.min(every, defaults.training.checkpointEvery),
      seed: form.seed,
    },
    threads,
  };
}

/** A short run is evaluated and kept more often than the default, so that its curve has points and a stop costs little. */
export function markEvery(form: PlanForm, trainTokens: number | null): number {
  if (trainTokens === null) return Number.POSITIVE_INFINITY;
  const steps = (trainTokens * form.epochs) / (form.sequenceLength * form.sequencesPerStep);
  return Math.max(5, Math.round(steps / MARKS));
}
