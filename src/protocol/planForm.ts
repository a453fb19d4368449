/** The launch form: what a person sets before a run, as the page holds it. Types only. */

import type {
  DeviceChoice,
  FormatId,
  HeldOut,
  HeldOutBy,
  LoraTarget,
  MixedDataset,
  Quantization,
  Recompute,
  Schedule,
  TemplateId,
} from "./run";

/** Settings that say how a run learns, whatever it learns from: what presets and settings files are made of. */
export interface PlanSettings {
  rank: number;
  alpha: number;
  dropout: number;
  targets: LoraTarget[];
  rankStabilised: boolean;
  learningRate: number;
  schedule: Schedule;
  warmupSteps: number;
  weightDecay: number;
  clipNorm: number;
  /** Which of the two counts. */
  length: "epochs" | "steps";
  epochs: number;
  steps: number;
  sequenceLength: number;
  sequencesPerStep: number;
  /** Short rows share a sequence. */
  packing: boolean;
  seed: number;
  /** Of the rows, where a share of them is held out. */
  heldOutPercent: number;
  /** In steps; "auto": ten to twenty times. */
  evalEvery: number | "auto";
  checkpointEvery: number | "auto";
  keepCheckpoints: number;
  earlyStopping: boolean;
  patience: number;
  minDelta: number;
  quantization: Quantization;
  recompute: Recompute;
  /** Sequences computed at once; "auto": the memory plan decides. */
  microBatch: number | "auto";
  device: DeviceChoice;
  /** In units of 2^30 bytes; "auto": what is free. */
  memoryLimit: number | "auto";
}

/** What a run made on the command line may set and the form has no fields for; running it again keeps it. */
export interface FurtherSettings {
  /** How the data set's rows are written, where its settings do not say it. */
  format: FormatId | "auto";
  fields: Record<string, string> | null;
  template: TemplateId | "auto";
  heldOutBy: HeldOutBy;
  maxTrainRows: number | null;
  maxEvalRows: number | null;
  beta1: number;
  beta2: number;
  epsilon: number;
}

/** What samples for completion are cut from: the rows' answers, the Python files below a folder. */
export type CompletionFrom = "answers" | "folder" | "both";

/** A number that holds what cannot be read as one is NaN. */
export interface PlanForm extends PlanSettings {
  /** Id of the preset that the settings were last taken from. */
  preset: string;
  modelPath: string;
  name: string;
  /** Of the data set that the plan is for; it matters beside others. */
  weight: number;
  mixture: MixedDataset[];
  /** Of the tokens, those that teach to complete code; 0: none. */
  completionPercent: number;
  completionFrom: CompletionFrom;
  /** With "folder" and "both". */
  completionFolder: string;
  heldOut: HeldOut["kind"];
  /** With "file". */
  heldOutPath: string;
  /** Null: all of it is left alone. */
  further: FurtherSettings | null;
}

export type FormField = keyof PlanForm;

/** What is wrong, by field. */
export type FormErrors = Partial<Record<FormField, string>>;

/** The presets of the product, and settings that a person has saved. */
export interface PresetChoice {
  id: string;
  /** Null: one of the product's, whose name the page knows. */
  savedName: string | null;
  settings: PlanSettings;
}
