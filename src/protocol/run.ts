/**
 * The run directory: `.tunesmith/runs/<id>/`. Types only; every side imports these.
 *
 *   run.json        RunSpec: what was asked
 *   contract.json   Contract: how the model may be used
 *   data/           manifest.json, {train,eval}.tokens, {train,eval}.documents
 *   events.jsonl    EngineEvent, one a line, append-only (engine.ts)
 *   control.jsonl   ControlMessage, one a line, append-only (engine.ts)
 *   engine.lock     EngineLock (engine.ts)
 *   start.json      who is bringing the run to its next attempt, that it waits, or why that failed (src/run/startMark.ts)
 *   provenance.json what the run was prepared from, to see whether it has changed since (src/run/provenance.ts)
 *   initial-adapter/   in a child run: the adapter that it starts from, copied from its parent
 *   told/           an empty file for each thing that a person was told of the run (src/run/told.ts)
 *   notes.json      name, tags and notes that a person has given the run (src/run/runNotes.ts)
 *   samples.json    SampleFile: prompts that are answered at each evaluation; read anew each time
 *   row-losses/pass-N.losses   what each row cost when the N-th pass over the data met it (1-based; layout below)
 *   row-losses.json what of it was written beside the data sets, or why not (src/run/rowLossFiles.ts)
 *   engine.log      the engine's stdout and stderr
 *   checkpoints/step-N/   PEFT adapter, optimizer.safetensors, state.json; that of the lowest held-out loss is kept
 *   adapter/        the final adapter in PEFT's format
 *   export/         ONNX model, export.json
 *   evaluation/     what held-out instructions were answered with, and the report (src/evaluation)
 *
 * For other programs, of the events alone; nothing here reads them:
 *   tensorboard/    an event file an attempt
 *   trainer_state.json   as Hugging Face's Trainer writes it; in each checkpoint too
 */

export const RUN_VERSION = 1;

/** What an exported graph is fed (src/model/onnx/llamaGraph.ts). */
export const GRAPH_VERSION = 2;

export type LoraTarget = "q_proj" | "k_proj" | "v_proj" | "o_proj" | "gate_proj" | "up_proj" | "down_proj";

export type Schedule = "constant" | "linear" | "cosine";
export type Recompute = "auto" | "none" | "gate-up" | "block";
export type DeviceChoice = "auto" | "cpu" | "cuda";
/** How the frozen weights are held: as they are, or in 4 bits (NF4, on a GPU only). */
export type Quantization = "none" | "nf4";

/** Formats and templates are named by id; the registries in src/dataset say which exist. */
export type FormatId = string;
export type TemplateId = string;

/** `source`: no value of the rows' `source` field is on both sides. `auto`: by source where enough are named, else by row. */
export type HeldOutBy = "auto" | "row" | "source";

export type HeldOut =
  | { kind: "none" }
  | { kind: "fraction"; fraction: number; by: HeldOutBy }
  | { kind: "file"; path: string };

/** What was asked. Paths are absolute. Validated on both sides with the field's name in the error. */
export interface RunSpec {
  version: typeof RUN_VERSION;
  id: string;
  name: string;
  /** ISO 8601. */
  createdAt: string;
  /** A run.json without `quantization` means "none". */
  model: {
    path: string;
    quantization: Quantization;
    /** A folder in PEFT's format whose adapter training starts from; absent: a fresh one. */
    adapter?: string;
  };
  /** The run that this one goes on from with other data or settings; absent: none. */
  parent?: { run: string; step: number };
  dataset: {
    path: string;
    format: FormatId | "auto";
    /** Part of the format → dotted path of the field that holds it, where rows name fields in their own way. */
    fields?: Record<string, string>;
    /** How often a pass takes each of its training rows; absent: 1. */
    weight?: number;
    /** Samples that teach to complete code, in the same passes; absent: none. */
    completion?: CompletionMix;
    /** More data sets that are learned in the same passes. Their rows are held out as those of `path` are. */
    mixture?: MixedDataset[];
    template: TemplateId | "auto";
    heldOut: HeldOut;
    /** At most this many usable rows of each data set, taken in the file's order after the split; null: all. */
    maxTrainRows: number | null;
    maxEvalRows: number | null;
    /** False: each row, and each sample for completion, is a sequence of its own; absent or true: short ones share one. */
    packing?: boolean;
  };
  /** Tokens a sequence holds at most; a longer row is not used and is reported. */
  sequenceLength: number;
  lora: {
    rank: number;
    alpha: number;
    targets: LoraTarget[];
    /** Share of the adapter's inputs that are left out at random in training. A run.json without it means 0. */
    dropout: number;
    /** Scale by alpha / √rank instead of alpha / rank. A run.json without it means false. */
    rankStabilised: boolean;
  };
  optimizer: {
    learningRate: number;
    beta1: number;
    beta2: number;
    epsilon: number;
    weightDecay: number;
    /** Global norm; 0 turns clipping off. */
    clipNorm: number;
    schedule: Schedule;
    warmupSteps: number;
  };
  training: {
    /** Optimizer steps, or passes over the data: exactly one is set, the other null. */
    steps: number | null;
    epochs: number | null;
    /** Sequences in one optimizer step; without packing as many rows. */
    sequencesPerStep: number;
    /** Sequences computed at once; null: the memory plan decides. */
    microBatch: number | null;
    evalEvery: number;
    checkpointEvery: number;
    keepCheckpoints: number;
    /** Ends after `patience` evaluations in a row without a held-out loss lower by `minDelta`; absent or null: never. */
    earlyStopping: { patience: number; minDelta: number } | null;
    seed: number;
    recompute: Recompute;
  };
  device: DeviceChoice;
  /** 0: as many as there are cores. */
  threads: number;
  /** Bytes of the device's memory that the plan may use; null, or absent from run.json: what is free. */
  memoryBudget: number | null;
}

/** Fill-in-the-middle and prefix samples, cut from Python code that is not held out. One of the two sources must be set. */
export interface CompletionMix {
  /** Of the tokens of a pass. */
  share: number;
  /** Cut from the answers of the training rows. */
  answers: boolean;
  /** Cut from the Python files below this folder; null: none. */
  folder: string | null;
}

/** A further data set of a run. Weight 0.5: half of its rows, chosen by the seed; 2: each row twice a pass. */
export interface MixedDataset {
  path: string;
  format: FormatId | "auto";
  fields?: Record<string, string>;
  weight: number;
}

/** samples.json. Written by the extension, whole; read by the engine at each evaluation. */
export interface SampleFile {
  version: typeof RUN_VERSION;
  prompts: SamplePrompt[];
}

export interface SamplePrompt {
  /** Of letters, digits and hyphens; the same in the events. */
  id: string;
  /** As a person typed it, or as the row has it. */
  instruction: string;
  /** The rendered prompt, and its tokens. */
  text: string;
  ids: number[];
  /** The answer ends here at the latest. */
  maxTokens: number;
}

/** How the model may be used: what completion must obey. Written by preparation, travels with the model. */
export interface Contract {
  version: typeof RUN_VERSION;
  baseModel: string;
  contextLength: number;
  vocabularySize: number;
  beginToken: { id: number; text: string } | null;
  /** Generation ends at any of these. */
  endTokens: { id: number; text: string }[];
  modes: {
    instruct?: { template: TemplateId };
    prefix?: Record<string, never>;
    /** Prefix-suffix-middle order. Present only where the base has the tokens and was trained with them. */
    fim?: { prefix: number; suffix: number; middle: number };
  };
}

/** data/manifest.json. */
export interface DataManifest {
  version: typeof RUN_VERSION;
  tokenizer: { path: string; sha256: string; vocabularySize: number };
  template: TemplateId;
  sequenceLength: number;
  sources: DataSource[];
  /** Absent: no samples for completion were asked for. */
  completion?: CompletionSamples;
  train: SplitSummary;
  eval: SplitSummary;
}

export interface DataSource {
  path: string;
  sha256: string;
  bytes: number;
  format: FormatId;
  rows: number;
  used: number;
  /** Rows left out because of maxTrainRows / maxEvalRows or a weight below 1; not an error. */
  leftOut: number;
  skipped: number;
  skippedByReason: Record<string, number>;
  /** The first 1,000, in file order. `row` is the 1-based line. */
  skippedRows: { row: number; reason: string; message: string }[];
}

/** What the samples for completion were cut from, and how many there are; all of them are trained on. */
export interface CompletionSamples extends CompletionMix {
  fim: number;
  prefix: number;
  tokens: number;
  targets: number;
  /** Texts that samples were cut from. */
  answerTexts: number;
  files: number;
  /** Of the files' paths and contents, in their order. */
  filesSha256: string;
  /** Files and answers that were not used, by reason. */
  leftOut: Record<string, number>;
}

export interface SplitSummary {
  /** Without samples for completion. */
  rows: number;
  /** More than rows where a weight takes rows more than once. */
  documents: number;
  sequences: number;
  tokens: number;
  /** Tokens in the loss. */
  targets: number;
}

/*
 * data/<split>.tokens, little endian:
 *   0  char[8]  "TSTOKENS"
 *   8  u32      version = 1
 *  12  u32      0
 *  16  u32[n]   token id in the low 31 bits; the top bit set: the token is a target of the loss
 *
 * data/<split>.documents, little endian:
 *   0  char[8]  "TSDOCUMT"
 *   8  u32      version = 1
 *  12  u32      record size = 32
 *  16  records, in the tokens' order:
 *        u64 start     first token, counted from the first token of the file
 *        u32 length    tokens
 *        u32 targets   how many of them are targets (never the first)
 *        u32 row       1-based line in its source; 0 for a sample for completion
 *        u16 source    index into manifest.sources; 65,535 for a sample for completion
 *        u16 kind      0 instruct, 1 prefix, 2 fim
 *        u32 sequence  the sequence it lies in; ascending, no gaps
 *        u32 0
 * Documents lie back to back; those with the same `sequence` are packed together and never attend to each other.
 *
 * row-losses/pass-N.losses, little endian:
 *   0  char[8]  "TSLOSSES"
 *   8  u32      version = 1
 *  12  u32      record size = 16
 *  16  u64      documents of data/train.documents, whose order the records follow
 *  24  records: f32 mean NLL over the document's targets (NaN: not met in this pass), u32 step that met it, u32 targets, u32 0
 */
export type SampleKind = "instruct" | "prefix" | "fim";

/** How an export's matrices are stored: as they were trained, or in blocks of 8 or 4 bits. */
export type ExportPrecision = "fp32" | "int8" | "int4";

/** export/export.json: what was exported and whether it may be offered. */
export interface ExportRecord {
  version: typeof RUN_VERSION;
  graph: typeof GRAPH_VERSION;
  model: string;
  precision: ExportPrecision;
  /** The precisions that were measured before one was chosen; absent: it was asked for by name. */
  measured?: PrecisionFigures[];
  /** Of adapter_model.safetensors; empty: the base model alone. */
  adapterSha256: string;
  /** Null only where nothing was compared: a base model exported without an engine. */
  parity: ParityReport | null;
  /** The files beside this one, as they were written: a damaged export is refused. */
  files: { path: string; bytes: number; sha256: string }[];
}

/** What one precision costs, on the same held-out rows and in the same completion as the others. */
export interface PrecisionFigures {
  precision: ExportPrecision;
  bytes: number;
  /** Nats a target; null: nothing was held out. */
  heldOutLoss: number | null;
  /** Share by which it is above float32's; null: not known. */
  lossRise: number | null;
  /** Of a completion with 256 cached, 12 new and 16 generated tokens. */
  milliseconds: number;
}

/** The gate between export and completion. `reasons` is empty if and only if `passed`. */
export interface ParityReport {
  passed: boolean;
  reasons: string[];
  prompts: number;
  maxAbsLogitDifference: number;
  /** Mean Kullback-Leibler divergence of the prompts' next token from the engine's, nats; absent in older exports. */
  meanDivergence?: number;
  /** What the rounding to fewer bits has cost, where it is worth knowing; absent: nothing. */
  warnings?: string[];
  greedyTokensCompared: number;
  greedyTokensEqual: boolean;
  engineHeldOutLoss: number | null;
  onnxHeldOutLoss: number | null;
}
