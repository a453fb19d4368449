/** Extension host ↔ webviews: two discriminated unions a view. Types only. */

import type { RunSpec } from "./run";

export type RunState = "queued" | "preparing" | "running" | "paused" | "stopped" | "failed" | "finished";

export interface Point {
  step: number;
  value: number;
}

export interface RunSnapshot {
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
  device: string | null;
  curve: { loss: Point[]; evalLoss: Point[]; checkpoints: number[] };
  inUse: boolean;
}

export interface ModelChoice {
  path: string;
  label: string;
  parameters: number | null;
}

export interface DataSummary {
  path: string;
  format: string | null;
  rows: number;
  used: number;
  skipped: number;
  tokens: number;
  trainRows: number;
  evalRows: number;
  problems: { row: number; reason: string; message: string }[];
  /** The first row as the model will see it; `learned` text is in the loss. */
  preview: { text: string; learned: boolean }[];
}

/** What the launch form can change. */
export interface PlanForm {
  modelPath: string;
  name: string;
  rank: number;
  alpha: number;
  learningRate: number;
  schedule: RunSpec["optimizer"]["schedule"];
  warmupSteps: number;
  epochs: number;
  sequenceLength: number;
  sequencesPerStep: number;
  heldOutPercent: number;
  seed: number;
}

export type ToRunPanel =
  | { type: "plan"; dataset: string; models: ModelChoice[]; form: PlanForm; formErrors: Partial<Record<keyof PlanForm, string>> }
  | { type: "data"; state: "loading"; fraction: number | null }
  | { type: "data"; state: "ready"; summary: DataSummary }
  | { type: "data"; state: "error"; message: string }
  | { type: "starting"; stage: string; fraction: number | null }
  | { type: "startFailed"; message: string }
  | { type: "run"; run: RunSnapshot }
  /** Points after the snapshot's last; the page appends them. */
  | { type: "points"; id: string; loss: Point[]; evalLoss: Point[]; checkpoints: number[]; head: Omit<RunSnapshot, "curve"> }
  | { type: "exporting"; stage: string; fraction: number | null }
  | { type: "exportFailed"; message: string };

export type FromRunPanel =
  | { type: "ready" }
  | { type: "formChanged"; form: PlanForm }
  | { type: "start"; form: PlanForm }
  | { type: "stop" }
  | { type: "resume" }
  | { type: "useForCompletion" }
  | { type: "showLog" }
  | { type: "openRow"; row: number }
  | { type: "chooseModel" };

export type ToNowView = { type: "now"; run: RunSnapshot | null; completionModel: string | null };
export type FromNowView =
  | { type: "ready" }
  | { type: "stop" }
  | { type: "openRun"; id: string }
  | { type: "useForCompletion"; id: string }
  | { type: "howToStart" };
