import { basename } from "node:path";
import type { FormErrors, FurtherSettings, PlanForm } from "../../protocol/planForm";
import type { CompletionMix, HeldOut, HeldOutBy, RunSpec } from "../../protocol/run";
import type { DataSummary } from "../../protocol/webview";
import { fieldRanges, inRange, type NumberField, runSettings, settingsOf } from "../../run/planSettings";
import { presetSettings, STANDARD } from "../../run/presets";
import type { NewRun } from "../../run/runDirectory";
import { defaultSettings, ranges } from "../../run/runSpec";

/** Texts go through here, so that the checks stay free of `vscode`. */
export type Translate = (message: string, ...args: string[]) => string;

export const NAME_LENGTH = 80;

export function defaultForm(dataset: string, modelPath: string, sequenceLength: number): PlanForm {
  return {
    // Standard is the same on every device.
    ...presetSettings(STANDARD, { sequenceLength, gpu: false }),
    preset: STANDARD,
    modelPath,
    name: runName(dataset),
    weight: 1,
    mixture: [],
    completionPercent: 0,
    completionFrom: "answers",
    completionFolder: "",
    heldOut: "fraction",
    heldOutPath: "",
    further: null,
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
    ...settingsOf(spec, spec.dataset),
    quantization: spec.model.quantization,
    preset: STANDARD,
    modelPath: spec.model.path,
    name: spec.name,
    weight: spec.dataset.weight ?? 1,
    mixture: (spec.dataset.mixture ?? []).map((mixed) => ({ ...mixed })),
    ...completionOf(spec.dataset.completion),
    heldOut: heldOut.kind,
    heldOutPath: heldOut.kind === "file" ? heldOut.path : "",
    further: furtherOf(spec),
  };
}

function completionOf(
  mix: CompletionMix | undefined,
): Pick<PlanForm, "completionPercent" | "completionFrom" | "completionFolder"> {
  if (mix === undefined) return { completionPercent: 0, completionFrom: "answers", completionFolder: "" };
  const { share, answers, folder } = mix;
  return {
    completionPercent: Number((share * 100).toFixed(3)),
    completionFrom: folder === null ? "answers" : answers ? "both" : "folder",
    completionFolder: folder ?? "",
  };
}

function furtherOf({ dataset, optimizer }: Pick<RunSpec, "dataset" | "optimizer">): FurtherSettings | null {
  const further: FurtherSettings = {
    format: dataset.format,
    fields: dataset.fields ?? null,
    template: dataset.template,
    heldOutBy: dataset.heldOut.kind === "fraction" ? dataset.heldOut.by : "auto",
    maxTrainRows: dataset.maxTrainRows,
    maxEvalRows: dataset.maxEvalRows,
    beta1: optimizer.beta1,
    beta2: optimizer.beta2,
    epsilon: optimizer.epsilon,
  };
  const names = Object.keys(further) as (keyof FurtherSettings)[];
  return names.every((name) => further[name] === leftAlone[name]) ? null : further;
}

const usual = defaultSettings().optimizer;
const leftAlone: FurtherSettings = {
  format: "auto",
  fields: null,
  template: "auto",
  heldOutBy: "auto",
  maxTrainRows: null,
  maxEvalRows: null,
  beta1: usual.beta1,
  beta2: usual.beta2,
  epsilon: usual.epsilon,
};

/** Every field that is wrong, with a sentence that names what it may be. */
export function checkForm(form: PlanForm, t: Translate): FormErrors {
  const errors: FormErrors = {};
  if (form.modelPath === "") errors.modelPath = t("Choose a base model.");
  const name = form.name.trim();
  if (name === "" || name.length > NAME_LENGTH) {
    errors.name = t("Name must have 1 to {0} characters.", String(NAME_LENGTH));
  }
  for (const [field, label] of numbersThatCount(form, t)) {
    const value = form[field];
    if (value === "auto" || inRange(value, fieldRanges[field])) continue;
    errors[field] = rangeSentence(field, label, t);
  }
  if (form.targets.length === 0) errors.targets = t("Choose at least one projection to tune.");
  if (form.heldOut === "file" && form.heldOutPath === "") errors.heldOutPath = t("Choose a file of held-out rows.");
  const { completionPercent: percent, completionFrom, completionFolder } = form;
  if (percent > 0 && percent < 100 * ranges["dataset.completion.share"].min) {
    errors.completionPercent = t("Share for completion, percent, must be 0 or at least 1.");
  } else if (percent > 0 && completionFrom !== "answers" && completionFolder === "") {
    errors.completionFolder = t("Choose a folder of Python files.");
  }
  if (form.mixture.some(({ weight }) => !inRange(weight, fieldRanges.weight))) {
    errors.mixture = rangeSentence("weight", t("Weight"), t);
  }
  if (form.earlyStopping && form.heldOut === "none") {
    errors.earlyStopping = t("Early stopping goes by held-out rows: hold some out, or turn it off.");
  } else if (form.earlyStopping && form.evalEvery === 0) {
    errors.earlyStopping = t("Early stopping goes by evaluations: evaluate now and then, or turn it off.");
  }
  if (form.quantization !== "none" && form.device === "cpu") {
    errors.quantization = t("Weights in 4 bits need a GPU: choose another device, or leave them as they are.");
  }
  return errors;
}

function rangeSentence(field: NumberField, label: string, t: Translate): string {
  const { min, max, whole } = fieldRanges[field];
  const [from, to] = [min, max].map(figure) as [string, string];
  return whole
    ? t("{0} must be a whole number from {1} to {2}.", label, from, to)
    : t("{0} must be a number from {1} to {2}.", label, from, to);
}

/** What does not count at present may hold anything. */
function numbersThatCount(form: PlanForm, t: Translate): [NumberField, string][] {
  const fields: [NumberField, string][] = [
    ["weight", t("Weight")],
    ["completionPercent", t("Share for completion, percent,")],
    ["rank", t("Rank")],
    ["alpha", t("Alpha")],
    ["dropout", t("Dropout")],
    ["learningRate", t("Learning rate")],
    ["warmupSteps", t("Warm-up steps")],
    ["weightDecay", t("Weight decay")],
    ["clipNorm", t("Gradient clipping")],
    form.length === "steps" ? ["steps", t("Steps")] : ["epochs", t("Passes over the data")],
    ["sequenceLength", t("Sequence length")],
    ["sequencesPerStep", t("Sequences per step")],
    ["seed", t("Seed")],
    ["evalEvery", t("Evaluate every")],
    ["checkpointEvery", t("Checkpoint every")],
    ["keepCheckpoints", t("Checkpoints kept")],
    ["microBatch", t("Sequences computed at once")],
    ["memoryLimit", t("Memory limit")],
  ];
  if (form.heldOut === "fraction") fields.push(["heldOutPercent", t("Held-out share")]);
  if (form.earlyStopping) {
    fields.push(["patience", t("Early stopping after")], ["minDelta", t("Smallest gain")]);
  }
  return fields;
}

function figure(value: number): string {
  return Math.abs(value) >= 1 && Number.isInteger(value) ? value.toLocaleString("en") : String(value);
}

export interface RunRequest {
  dataset: string;
  /** How settings say that the rows are written. */
  choice: DataSummary["choice"];
  threads: number;
  /** Of one pass over the rows that will be learned; null: not counted yet. */
  sequences: number | null;
}

/** The run that a valid form asks for. */
export function newRun(form: PlanForm, { dataset, choice, threads, sequences }: RunRequest): NewRun {
  const { template, heldOutBy, maxTrainRows, maxEvalRows, beta1, beta2, epsilon } = form.further ?? leftAlone;
  const settings = runSettings(form, { threads, sequences });
  return {
    ...settings,
    optimizer: { ...settings.optimizer, beta1, beta2, epsilon },
    name: form.name.trim(),
    model: { path: form.modelPath, quantization: form.quantization },
    dataset: {
      path: dataset,
      format: choice.format,
      ...(Object.keys(choice.fields).length > 0 ? { fields: choice.fields } : {}),
      ...(form.weight === 1 ? {} : { weight: form.weight }),
      ...(form.completionPercent === 0 ? {} : { completion: completionMix(form) }),
      ...(form.mixture.length === 0 ? {} : { mixture: form.mixture }),
      template,
      heldOut: heldOutOf(form, heldOutBy),
      maxTrainRows,
      maxEvalRows,
      ...(form.packing ? {} : { packing: false }),
    },
  };
}

function completionMix({ completionPercent, completionFrom, completionFolder }: PlanForm): CompletionMix {
  return {
    share: Number((completionPercent / 100).toFixed(5)),
    answers: completionFrom !== "folder",
    folder: completionFrom === "answers" ? null : completionFolder,
  };
}

function heldOutOf({ heldOut, heldOutPercent, heldOutPath }: PlanForm, by: HeldOutBy): HeldOut {
  switch (heldOut) {
    case "none":
      return { kind: "none" };
    case "file":
      return { kind: "file", path: heldOutPath };
    case "fraction":
      return { kind: "fraction", fraction: heldOutPercent / 100, by };
  }
}
