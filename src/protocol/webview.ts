/** Extension host ↔ webviews: two discriminated unions a view. Types only. */

import type { CurvePiece } from "./curveView";
import type { FromEvaluation, ToEvaluation } from "./evaluationView";
import type { FromForecast, ToForecast } from "./forecastView";
import type { FromLiveView, ToLiveView } from "./liveView";
import type { FromNotices, ToNotices } from "./noticesView";
import type { FormErrors, PlanForm, PlanSettings, PresetChoice } from "./planForm";
import type { FromPlan, ToPlan } from "./planView";
import type { FromRows, ToRows } from "./rowsView";
import type { FromSamples, ToSamples } from "./samplesView";

export type RunState = "queued" | "preparing" | "running" | "paused" | "stopped" | "failed" | "finished";

export interface Point {
  step: number;
  value: number;
}

export interface RunSnapshot {
  /** Its directory: a copy of a project holds runs with the same names of folders. */
  id: string;
  name: string;
  state: RunState;
  /** One sentence; null unless failed. */
  cause: string | null;
  step: number;
  totalSteps: number;
  loss: number | null;
  evalLoss: number | null;
  evalLossBefore: number | null;
  tokensPerSecond: number | null;
  secondsLeft: number | null;
  checkpointStep: number | null;
  /** "cpu" or "cuda:0". */
  device: string | null;
  deviceName: string | null;
  /** Bytes: the plan's forecast, and what it came to after the first step. */
  memory: { forecast: number; used: number | null } | null;
  /** Of a GPU at work; null while there is none to tell of. */
  telemetry: Telemetry | null;
  curve: { loss: Point[]; evalLoss: Point[]; checkpoints: number[] };
  /** Its process lives and has given no sign of life for so long; null: it is not silent. */
  silentSeconds: number | null;
  /** Of a run whose data are being prepared; null: its engine is at work, or nobody is. */
  preparation: Preparation | null;
  inUse: boolean;
}

/** `here`: by this window. Another window, or program, tells nothing of how far it is. */
export type Preparation = { here: true; stage: string; fraction: number | null } | { here: false };

/** A run in figures; its curves come by themselves (curveView.ts). */
export type RunHead = Omit<RunSnapshot, "curve">;

export interface Telemetry {
  /** Of the whole GPU, bytes. */
  memoryUsed: number;
  memoryTotal: number;
  /** Percent, °C and W; null: the driver does not tell. */
  utilisation: number | null;
  temperature: number | null;
  watts: number | null;
}

export interface ModelChoice {
  path: string;
  label: string;
  parameters: number | null;
}

/** What one data set of a mixture comes to. */
export interface DatasetShare {
  path: string;
  /** What settings say of the rows, for the run to go by. */
  choice: { format: string; fields: Record<string, string> };
  format: string | null;
  /** Null: a file of held-out rows. */
  weight: number | null;
  rows: number;
  used: number;
  skipped: number;
  /** Of one pass: a row that is taken twice counts twice. */
  trainRows: number;
  evalRows: number;
  tokens: number;
}

/** The data sets together. */
export interface DataSummary {
  path: string;
  /** What settings say of the rows, for the run to go by. */
  choice: { format: string; fields: Record<string, string> };
  format: string | null;
  rows: number;
  used: number;
  skipped: number;
  /** How many rows were skipped for each reason. */
  skippedByReason: Record<string, number>;
  tokens: number;
  /** Of one pass. */
  trainRows: number;
  trainTokens: number;
  /** Of them, those in the loss. */
  trainTargets: number;
  /** Of the document that a training token lies in, on the average. */
  documentTokens: number;
  /** How many sequences the training rows make, as they were counted: at this length, packed or not. `longest`: tokens of
   * the longest row or sample for completion, whether learned or held out. */
  packed: { sequenceLength: number; packing: boolean; train: number; longest: number };
  /** Of a training row on the average: tokens that are not in the loss, and of those that are as many as are answered to a
   * pinned prompt. */
  rowTokens: { prompt: number; answer: number };
  evalRows: number;
  evalTokens: number;
  /** Samples for completing code beside the rows, and their tokens, which `trainTokens` counts. */
  completionSamples: number;
  completionTokens: number;
  datasets: DatasetShare[];
  /** The first of the skipped rows, in the files' order. `dataset`: index into `datasets`. */
  problems: { dataset: number; row: number; reason: string; message: string }[];
  /** The first row as the model will see it; `learned` text is in the loss. */
  preview: { text: string; learned: boolean }[];
}

export type { FormErrors, PlanForm } from "./planForm";

/** What a run was made of; known before its first event. */
export interface RunDetails {
  dataset: string;
  model: string;
  rank: number;
  alpha: number;
  learningRate: number;
  /** Null until the data has been prepared. */
  data: { trainRows: number; evalRows: number; skipped: number; tokens: number } | null;
}

export type ToRunPanel =
  | ToEvaluation
  /** The page's "ready" has been heard: what it shows is under way. */
  | { type: "heard" }
  | {
      type: "plan";
      dataset: string;
      models: ModelChoice[];
      presets: PresetChoice[];
      form: PlanForm;
      formErrors: FormErrors;
      /** The settings that are no longer the preset's. */
      changed: (keyof PlanSettings)[];
    }
  | ToPlan
  /** The answer to `formChanged`; each message names the range. */
  | { type: "formErrors"; formErrors: FormErrors; changed: (keyof PlanSettings)[] }
  | { type: "data"; state: "loading"; fraction: number | null }
  | { type: "data"; state: "ready"; summary: DataSummary }
  | { type: "data"; state: "error"; message: string }
  | ToForecast
  | { type: "starting"; stage: string; fraction: number | null }
  | { type: "startFailed"; message: string }
  /** `look`: that of the panel whose place this one has taken. */
  | { type: "run"; run: RunHead; details: RunDetails; look?: CurveLook }
  | { type: "head"; head: RunHead }
  | CurvePiece
  | ToLiveView
  | ToNotices
  | ToSamples
  | ToRows
  | { type: "exporting"; stage: string; fraction: number | null }
  | { type: "exportFailed"; message: string }
  /** The run is no longer there: what is shown of it stays until `run` comes again. */
  | { type: "gone" }
  /** Something that was asked for in the run's view could not be done. */
  | { type: "actionFailed"; message: string };

export type FromRunPanel =
  | FromEvaluation
  | FromLiveView
  | FromNotices
  | FromSamples
  | FromRows
  | FromForecast
  | FromPlan
  | { type: "ready" }
  /** VS Code keeps it for one panel alone, and another may have to take its place. */
  | { type: "look"; look: CurveLook }
  | { type: "formChanged"; form: PlanForm }
  | { type: "start"; form: PlanForm }
  | { type: "cancelStart" }
  | { type: "stop" }
  /** Of an engine that gives no sign of life. */
  | { type: "endEngine" }
  | { type: "resume" }
  | { type: "useForCompletion" }
  | { type: "cancelExport" }
  | { type: "showLog" }
  | { type: "stopUsing" }
  /** `dataset`: index into the summary's data sets; absent: the first. */
  | { type: "openRow"; row: number; dataset?: number }
  | { type: "openDataset"; dataset?: number }
  /** A new plan for the same data set, with this run's values. */
  | { type: "runAgain" }
  | { type: "chooseModel" };

/** What a run panel keeps over a reload of the window. */
export type RunPanelState =
  /** `keptAt`: milliseconds since 1970; absent: kept by an earlier version. */
  | { kind: "plan"; dataset: string; form: PlanForm | null; keptAt?: number }
  /** `id`: the run's directory; of an older version the name of its folder. */
  | ({ kind: "run"; id: string } & Partial<RunPageState>);

/** How a person left a run's page. */
export interface RunPageState {
  curves: CurveLook;
  /** The steps in sight; null: all. */
  zoom: { from: number; to: number } | null;
  /** What stands in Try it, and in Add prompt… while that is open. */
  asking: string;
  pinning: string;
  /** Of pinned prompts, by id, the step that is looked at, where it is not the newest. */
  sampleSteps: [id: string, step: number][];
}

/** How a person wants to see the curves of a run. */
export interface CurveLook {
  /** The slider's place: 0 does not smooth. */
  smoothing: number;
  logarithmic: boolean;
}

export type ToNowView =
  | { type: "now"; situation: NowSituation; run: RunHead | null; completionModel: string | null }
  | { type: "head"; head: RunHead }
  | CurvePiece;
/** Why there may be no run to show. */
export type NowSituation = "ready" | "loading" | "untrusted" | "no-folder";
export type FromNowView =
  | { type: "ready" }
  | { type: "stop"; id: string }
  | { type: "pause"; id: string }
  | { type: "continue"; id: string }
  | { type: "resume"; id: string }
  | { type: "openRun"; id: string }
  | { type: "useForCompletion"; id: string }
  | { type: "fineTune" }
  | { type: "manageTrust" }
  | { type: "openFolder" }
  | { type: "howToStart" };
