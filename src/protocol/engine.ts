/**
 * What `tunesmith-engine` writes and reads in a run directory. The field names are mirrored by
 * native/src/run/; test/protocol keeps both equal (`tunesmith-engine schema --json`). Types only.
 */

import type { Quantization, Recompute } from "./run";

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
  /** "cpu" or "cuda:0". */
  device: string;
  /** "NVIDIA H100 80GB HBM3"; engines up to 0.1.0 may leave it out. */
  deviceName?: string;
  threads: number;
  /** The checkpoint's step this attempt goes on from; 0: from the beginning. Later steps of earlier attempts are void. */
  resumedFrom: number;
  totalSteps: number;
}
/** What the engine is about to allocate. A plan whose memory cannot be had is followed by a smaller one. */
export interface PlanEvent extends EventHead {
  type: "plan";
  recompute: Exclude<Recompute, "auto">;
  quantization?: Quantization;
  microBatch: number;
  /** Of the device's free memory, what the plan may take. */
  usableBytes?: number;
  forecastBytes: number;
  weightBytes: number;
  /** With gradient and moments. */
  adapterBytes: number;
  /** The four below together. */
  activationBytes: number;
  savedBytes?: number;
  workingBytes?: number;
  headBytes?: number;
  scratchBytes?: number;
  parameters: number;
  trainableParameters: number;
}
/** After the first step of an attempt: what the forecast has come to. */
export interface MemoryEvent extends EventHead {
  type: "memory";
  usedBytes: number;
  forecastBytes: number;
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
/** A GPU at work, at most once a second; null: the driver does not tell. */
export interface TelemetryEvent extends EventHead {
  type: "telemetry";
  step: number;
  tokensPerSecond: number;
  /** Of the whole GPU, bytes. */
  memoryUsed: number;
  memoryTotal: number;
  /** Percent. */
  utilisation: number | null;
  /** °C. */
  temperature: number | null;
  watts: number | null;
}
export interface EvalEvent extends EventHead {
  type: "eval";
  /** 0: before training. */
  step: number;
  loss: number;
  targets: number;
  /** The lowest held-out loss so far. */
  best?: boolean;
}
/** A pinned prompt (samples.json), answered greedily. */
export interface SampleEvent extends EventHead {
  type: "sample";
  step: number;
  prompt: string;
  /** The base model's answer, without the adapter: once a prompt. */
  base: boolean;
  /** Without the end token. */
  ids: number[];
  /** It ended by itself, not at the limit. */
  ended: boolean;
}
/** The rate that counts from the next step on, before schedule and warm-up, as a person has asked for. */
export interface LearningRateEvent extends EventHead {
  type: "learning-rate";
  step: number;
  learningRate: number;
}
/** After a pass over the data, and at the end: what each row cost. */
export interface RowLossesEvent extends EventHead {
  type: "row-losses";
  step: number;
  /** 1-based. */
  pass: number;
  /** Relative to the run directory. */
  path: string;
}
export interface CheckpointEvent extends EventHead {
  type: "checkpoint";
  step: number;
  /** That of the lowest held-out loss so far: it is kept when others go. */
  best?: boolean;
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
  /** It finished before its last step, because the held-out loss fell no further. */
  early?: boolean;
  /** The step whose adapter is in adapter/: the best one's where early stopping was asked for, else the last. */
  adapterStep?: number;
}

export type EngineEvent =
  | StartEvent
  | PlanEvent
  | MemoryEvent
  | StepEvent
  | TelemetryEvent
  | EvalEvent
  | SampleEvent
  | LearningRateEvent
  | RowLossesEvent
  | CheckpointEvent
  | PauseEvent
  | WarningEvent
  | ErrorEvent
  | DoneEvent;

/** control.jsonl. Messages for another attempt are ignored. */
export interface ControlMessage {
  type: "stop" | "pause" | "resume" | "checkpoint" | "learning-rate";
  attempt: number;
  time: number;
  /** With "learning-rate". */
  learningRate?: number;
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

/**
 * The last line of `tunesmith-engine plan --json`: what a run would take. Bytes and seconds. Without `--measure` nothing is
 * allocated; with it two steps are computed, and lines of EngineMeasuring come first.
 */
export interface EnginePlan {
  device: string;
  deviceName: string;
  /** One sentence: why it is not a GPU; empty where it is one, or none was asked for. */
  why: string;
  memoryTotal: number;
  memoryFree: number;
  usableBytes: number;
  recompute: Exclude<Recompute, "auto">;
  microBatch: number;
  forecastBytes: number;
  /** What forecastBytes is made of. */
  weightBytes: number;
  /** With gradient and moments. */
  adapterBytes: number;
  savedBytes: number;
  workingBytes: number;
  headBytes: number;
  scratchBytes: number;
  parameters: number;
  trainableParameters: number;
  /** Tokens that the base model can read at once. */
  maxPositions: number;
  steps: number;
  tokens: number;
  /** While it trains. */
  tokensPerSecond: number;
  /** The speed was measured in an earlier run; else it is arithmetic. */
  measured: boolean;
  /** From start to end: the sum of the five below. */
  seconds: number;
  startSeconds: number;
  trainingSeconds: number;
  evaluationSeconds: number;
  /** Of answers to pinned prompts. */
  answerSeconds: number;
  checkpointSeconds: number;
  /** By a dry run: speed and seconds are measured. */
  calibrated?: true;
  /** With it, unless a whole micro-batch would have taken too long. */
  measuredBytes?: number;
}

export type MeasuringStage = "loading" | "steps" | "evaluation" | "checkpoint";

/** How far `plan --json --measure` is. */
export interface EngineMeasuring {
  stage: MeasuringStage;
  /** Of the stage. */
  fraction: number;
}

/** A setting of run.json by its dotted name, and its new value. */
export type SettingChange =
  | { field: "training.recompute"; value: Recompute }
  | { field: "training.microBatch"; value: number | null }
  | { field: "model.quantization"; value: Quantization }
  | { field: "sequenceLength" | "lora.rank" | "memoryBudget" | "training.epochs" | "training.steps"; value: number };

/** The last line of `plan --json` where the run could not be started; the exit code is not 0. */
export interface EngineRefusal {
  error: {
    code: string;
    message: string;
    /** With "memory-insufficient": of the smallest plan, and what a plan may take. */
    leastBytes?: number;
    usableBytes?: number;
    /** Each would make the run fit; `bytes` of the smallest plan that there then is. */
    fixes: { changes: SettingChange[]; bytes: number }[];
  };
}

/** `tunesmith-engine generate`: one a line on stdout, as they come; the end token is left out. */
export type EngineGeneration =
  | { type: "token"; prompt: number; base: boolean; id: number }
  | { type: "end"; prompt: number; base: boolean; ended: boolean; seconds: number };

/** `tunesmith-engine rows --run DIR --step N --json`: the documents of a step's batch, in its order. */
export interface EngineStepRows {
  step: number;
  rows: {
    /** Index into the manifest's sources. */
    source: number;
    /** 1-based line. */
    row: number;
    tokens: number;
    targets: number;
    /** Of the latest pass that met the row; null: none has been written yet. */
    loss: number | null;
  }[];
}
