/**
 * What `tunesmith-engine` writes and reads in a run directory. The field names are mirrored by
 * native/src/run/; test/protocol keeps both equal (`tunesmith-engine schema --json`). Types only.
 */

import type { Recompute } from "./run";

export interface EventHead {
  /** Milliseconds since 1970. */
  time: number;
  /** 1 for the first start of the engine on the run directory, then 2, … */
  attempt: number;
}

export interface StartEvent extends EventHead {
  type: "start";
  engine: string;
  pid: number;
  device: string;
  threads: number;
  /** The checkpoint's step this attempt goes on from; 0: from the beginning. Later steps of earlier attempts are void. */
  resumedFrom: number;
  totalSteps: number;
}
export interface PlanEvent extends EventHead {
  type: "plan";
  recompute: Exclude<Recompute, "auto">;
  microBatch: number;
  forecastBytes: number;
  weightBytes: number;
  adapterBytes: number;
  activationBytes: number;
  parameters: number;
  trainableParameters: number;
}
export interface StepEvent extends EventHead {
  type: "step";
  step: number;
  /** Mean over the step's targets, nats. */
  loss: number;
  learningRate: number;
  /** Global norm before clipping. */
  gradientNorm: number;
  tokens: number;
  targets: number;
  seconds: number;
}
export interface EvalEvent extends EventHead {
  type: "eval";
  /** 0: before training. */
  step: number;
  loss: number;
  targets: number;
}
export interface CheckpointEvent extends EventHead {
  type: "checkpoint";
  step: number;
  /** Relative to the run directory. */
  path: string;
}
export interface PauseEvent extends EventHead {
  type: "paused" | "resumed";
  step: number;
}
export interface WarningEvent extends EventHead {
  type: "warning";
  code: string;
  message: string;
}
/** Last event of an attempt that failed. One sentence that names the file and the cause. */
export interface ErrorEvent extends EventHead {
  type: "error";
  code: string;
  message: string;
}
/** Last event of an attempt that ended by itself or was asked to stop. */
export interface DoneEvent extends EventHead {
  type: "done";
  reason: "finished" | "stopped";
  step: number;
  totalSteps: number;
  evalLossBefore: number | null;
  evalLossAfter: number | null;
  tokens: number;
  seconds: number;
}

export type EngineEvent =
  | StartEvent
  | PlanEvent
  | StepEvent
  | EvalEvent
  | CheckpointEvent
  | PauseEvent
  | WarningEvent
  | ErrorEvent
  | DoneEvent;

/** control.jsonl. Messages for another attempt are ignored. */
export interface ControlMessage {
  type: "stop" | "pause" | "resume" | "checkpoint";
  attempt: number;
  time: number;
}

/** engine.lock: held with flock(2) for as long as the engine lives; rewritten in place every 2 s. */
export interface EngineLock {
  pid: number;
  /** Field 22 of /proc/<pid>/stat, so that a reused pid is not taken for the engine. */
  startTicks: number;
  host: string;
  attempt: number;
  heartbeat: number;
}

/** `tunesmith-engine reference`: what the parity gate compares ONNX with. */
export interface EngineReference {
  prompts: {
    ids: number[];
    /** Logits of the prompt's last position, all of the vocabulary. */
    lastLogits: number[];
    /** Greedy continuation, not cut at an end token. */
    greedy: number[];
  }[];
}

/** `tunesmith-engine evaluate`. */
export interface EngineEvaluation {
  loss: number;
  targets: number;
  documents: number;
}
