/** Extension host ↔ comparison of runs. Types only. */

import type { CurvePiece } from "./curveView";
import type { ModelFigures } from "./evaluation";
import type { RunHead } from "./webview";

/** What a comparison shows of a run besides its curve. */
export interface ComparedRun extends RunHead {
  /** The name in run.json, which a person may have replaced by `name`. */
  givenName: string;
  tags: string[];
  notes: string;
  /** ISO 8601. */
  createdAt: string;
  /** Tokens and seconds of the steps that count; null before the first. */
  trained: { tokens: number; seconds: number } | null;
  /** Null until the data has been prepared. */
  data: { trainRows: number; evalRows: number } | null;
  /** A tuned model is there to complete with. */
  usable: boolean;
  /** Null until the run has been evaluated. */
  evaluation: ComparedEvaluation | null;
}

export interface ComparedEvaluation {
  tuned: ModelFigures;
  /** The adapter has changed since. */
  stale: boolean;
}

/** Dotted paths in run.json, and what preparation says of the data. */
export type SettingKey =
  | "model.path"
  | "model.quantization"
  | "model.adapter"
  | "parent.run"
  | "parent.step"
  | "dataset.path"
  | "dataset.contents"
  | "dataset.format"
  | "dataset.fields"
  | "dataset.weight"
  | "dataset.mixture"
  | "dataset.mixture.weight"
  | "dataset.completion.share"
  | "dataset.completion.from"
  | "dataset.template"
  | "dataset.heldOut.kind"
  | "dataset.heldOut.fraction"
  | "dataset.heldOut.by"
  | "dataset.heldOut.path"
  | "dataset.maxTrainRows"
  | "dataset.maxEvalRows"
  | "dataset.packing"
  | "sequenceLength"
  | "lora.rank"
  | "lora.alpha"
  | "lora.targets"
  | "lora.dropout"
  | "lora.rankStabilised"
  | "optimizer.learningRate"
  | "optimizer.schedule"
  | "optimizer.warmupSteps"
  | "optimizer.weightDecay"
  | "optimizer.clipNorm"
  | "optimizer.beta1"
  | "optimizer.beta2"
  | "optimizer.epsilon"
  | "training.steps"
  | "training.epochs"
  | "training.sequencesPerStep"
  | "training.microBatch"
  | "training.evalEvery"
  | "training.checkpointEvery"
  | "training.keepCheckpoints"
  | "training.earlyStopping.patience"
  | "training.earlyStopping.minDelta"
  | "training.seed"
  | "training.recompute"
  | "device"
  | "threads"
  | "memoryBudget";

/** Null: left to Tunesmith, or not a setting of this run's kind. */
export type SettingValue = string | number | null;

/** One setting in every run that is compared, in their order. */
export interface ComparedSetting {
  key: SettingKey;
  values: SettingValue[];
  differs: boolean;
}

export type ToCompareView =
  | {
      type: "compare";
      runs: ComparedRun[];
      settings: ComparedSetting[];
      /** The held-out rows or the tokens differ: losses say little about which run is better. */
      lossesDiffer: boolean;
      /** Names of the folders of runs that are no longer there. */
      missing: string[];
    }
  | CurvePiece
  | { type: "run"; run: ComparedRun }
  | { type: "actionFailed"; message: string };

export type FromCompareView =
  | { type: "ready" }
  | { type: "openRun"; id: string }
  | { type: "useForCompletion"; id: string }
  | { type: "remove"; id: string }
  | { type: "add" }
  | { type: "rename"; id: string; name: string }
  | { type: "setTags"; id: string; tags: string }
  | { type: "setNotes"; id: string; notes: string };

/** What the comparison keeps over a reload of the window. */
export interface CompareViewState {
  ids: string[];
  hidden: string[];
  smoothed: boolean;
  logScale: boolean;
}
