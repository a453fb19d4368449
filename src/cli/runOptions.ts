import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { CompletionMix, HeldOut, MixedDataset, RunSpec } from "../protocol/run";
import { runSettings } from "../run/planSettings";
import { presetIds, presetSettings } from "../run/presets";
import type { NewRun } from "../run/runDirectory";
import {
  defaultHeldOut,
  defaultSettings,
  describeRange,
  loraTargets,
  type Range,
  type RunSettings,
  ranges,
} from "../run/runSpec";
import {
  type CommandContext,
  numberOption,
  type OptionSpecs,
  requiredOption,
  stringOption,
  UsageError,
} from "./command";
import { choiceOptions, fieldOptions } from "./validation/options";

/** The options of a new run: a number of RunSpec each, named after its field. */
const numbers = {
  "sequence-length": "sequenceLength",
  rank: "lora.rank",
  alpha: "lora.alpha",
  dropout: "lora.dropout",
  weight: "dataset.weight",
  "learning-rate": "optimizer.learningRate",
  "weight-decay": "optimizer.weightDecay",
  "clip-norm": "optimizer.clipNorm",
  "warmup-steps": "optimizer.warmupSteps",
  steps: "training.steps",
  epochs: "training.epochs",
  "sequences-per-step": "training.sequencesPerStep",
  "micro-batch": "training.microBatch",
  "eval-every": "training.evalEvery",
  "checkpoint-every": "training.checkpointEvery",
  "keep-checkpoints": "training.keepCheckpoints",
  seed: "training.seed",
  threads: "threads",
  "memory-budget": "memoryBudget",
  "max-train-rows": "dataset.maxTrainRows",
  "max-eval-rows": "dataset.maxEvalRows",
} as const satisfies Record<string, keyof typeof ranges>;

/** What is learned beside the first data set. */
export const mixtureOptions: OptionSpecs = {
  "completion-share": {
    type: "string",
    value: "SHARE",
    description: "share of the tokens that are samples for completing code, such as 0.5; default: none",
  },
  "completion-from": {
    type: "string",
    multiple: true,
    value: "answers|DIR",
    description:
      "what they are cut from: the rows' answers (default), or the Python files below a folder; both may be given",
  },
  mix: {
    type: "string",
    multiple: true,
    value: "FILE=WEIGHT",
    description: "a further data set; 2: each of its rows twice a pass, 0.5: half of them",
  },
};

export const packingOption: OptionSpecs = {
  "no-packing": {
    type: "boolean",
    description: "make each row a sequence of its own: a step has as many rows; slower",
  },
};

export const newRunOptions: OptionSpecs = {
  data: { type: "string", value: "FILE", description: "the data set of a new run (.jsonl)" },
  ...mixtureOptions,
  preset: {
    type: "string",
    value: "NAME",
    description: `settings to begin with: ${presetIds.join(", ")}; options go before`,
  },
  model: { type: "string", value: "DIR", description: "its base model: a Hugging Face folder" },
  name: { type: "string", value: "TEXT", description: "what the run is called; default: the data set's name" },
  format: { type: "string", value: "ID", description: "the data set's format; default: detected" },
  field: choiceOptions.field!,
  template: { type: "string", value: "ID", description: "how rows become text; default: chosen for the format" },
  "held-out": {
    type: "string",
    value: "SHARE|FILE",
    description: "share of the rows (0: none) or a data set of its own; default 0.1",
  },
  "held-out-by": {
    type: "string",
    value: "auto|row|source",
    description: "split by row, or keep rows of one source together; default: by source where at least 5 are named",
  },
  targets: {
    type: "string",
    value: "LIST",
    description: `projections to train, separated by commas; default: all of ${loraTargets.join(",")}`,
  },
  schedule: { type: "string", value: "NAME", description: "constant, linear or cosine" },
  "rank-stabilised": { type: "boolean", description: "scale the adapter by alpha / √rank instead of alpha / rank" },
  "early-stopping": {
    type: "string",
    value: "N[:DELTA]",
    description: "end after N evaluations without a held-out loss lower by DELTA (0); 0: never",
  },
  ...packingOption,
  recompute: { type: "string", value: "NAME", description: "auto, none, gate-up or block" },
  device: { type: "string", value: "NAME", description: "auto, cpu or cuda" },
  quantization: { type: "string", value: "NAME", description: "none, or nf4: frozen weights in 4 bits (on a GPU)" },
  ...Object.fromEntries(
    Object.entries(numbers).map(([option, field]) => [
      option,
      { type: "string" as const, value: "N", description: `${describeRange(ranges[field])}${defaultOf(field)}` },
    ]),
  ),
};

function defaultOf(field: string): string {
  const value = field
    .split(".")
    .reduce<unknown>((object, key) => (object as Record<string, unknown> | undefined)?.[key], defaultSettings());
  return typeof value === "number" ? `; default ${value}` : "";
}

/** The run that the options ask for; paths are resolved against the working directory. */
export function newRunFrom(context: CommandContext): NewRun {
  const number = (option: keyof typeof numbers) => numberOption(context, option, ranges[numbers[option]]);
  const device = choice(context, "device", ["auto", "cpu", "cuda"]);
  const { settings: base, quantization } = presetFrom(context, device === "cuda");
  const dataPath = resolve(context.cwd, requiredOption(context, "data"));
  const rank = number("rank");
  const weight = number("weight");
  const mixture = mixtureFrom(context).map((mixed) => ({ ...mixed, format: "auto" }));
  const completion = completionFrom(context);
  return {
    name: stringOption(context, "name") ?? nameOf(dataPath),
    model: {
      path: resolve(context.cwd, requiredOption(context, "model")),
      quantization: choice(context, "quantization", ["none", "nf4"]) ?? quantization,
    },
    dataset: {
      path: dataPath,
      format: stringOption(context, "format") ?? "auto",
      ...(context.values.field === undefined ? {} : { fields: fieldOptions(context) }),
      ...(weight === undefined ? {} : { weight }),
      ...(completion === undefined ? {} : { completion }),
      ...(mixture.length === 0 ? {} : { mixture }),
      template: stringOption(context, "template") ?? "auto",
      heldOut: heldOutFrom(context),
      maxTrainRows: number("max-train-rows") ?? null,
      maxEvalRows: number("max-eval-rows") ?? null,
      ...(packingFrom(context) ? {} : { packing: false }),
    },
    sequenceLength: number("sequence-length") ?? base.sequenceLength,
    lora: {
      rank: rank ?? base.lora.rank,
      // Alpha follows the rank, so that a changed rank does not change how strongly the adapter acts.
      alpha: number("alpha") ?? (rank === undefined ? base.lora.alpha : 2 * rank),
      targets: targetsFrom(context),
      dropout: number("dropout") ?? base.lora.dropout,
      rankStabilised: context.values["rank-stabilised"] === true || base.lora.rankStabilised,
    },
    optimizer: {
      ...base.optimizer,
      learningRate: number("learning-rate") ?? base.optimizer.learningRate,
      weightDecay: number("weight-decay") ?? base.optimizer.weightDecay,
      clipNorm: number("clip-norm") ?? base.optimizer.clipNorm,
      schedule: choice(context, "schedule", ["constant", "linear", "cosine"]) ?? base.optimizer.schedule,
      warmupSteps: number("warmup-steps") ?? base.optimizer.warmupSteps,
    },
    training: {
      ...base.training,
      ...lengthFrom(context, base),
      sequencesPerStep: number("sequences-per-step") ?? base.training.sequencesPerStep,
      microBatch: number("micro-batch") ?? base.training.microBatch,
      evalEvery: number("eval-every") ?? base.training.evalEvery,
      checkpointEvery: number("checkpoint-every") ?? base.training.checkpointEvery,
      keepCheckpoints: number("keep-checkpoints") ?? base.training.keepCheckpoints,
      earlyStopping: earlyStoppingFrom(context, base),
      seed: number("seed") ?? base.training.seed,
      recompute: choice(context, "recompute", ["auto", "none", "gate-up", "block"]) ?? base.training.recompute,
    },
    device: device ?? base.device,
    threads: number("threads") ?? base.threads,
    memoryBudget: number("memory-budget") ?? base.memoryBudget,
  };
}

function presetFrom(
  context: CommandContext,
  gpu: boolean,
): { settings: RunSettings } & Pick<RunSpec["model"], "quantization"> {
  const id = choice(context, "preset", presetIds);
  if (id === undefined) return { settings: defaultSettings(), quantization: "none" };
  const sequenceLength =
    numberOption(context, "sequence-length", ranges.sequenceLength) ?? defaultSettings().sequenceLength;
  const preset = presetSettings(id, { sequenceLength, gpu });
  return {
    settings: runSettings(preset, { threads: defaultSettings().threads, sequences: null }),
    quantization: preset.quantization,
  };
}

function lengthFrom(
  context: CommandContext,
  { training }: RunSettings,
): Pick<RunSettings["training"], "steps" | "epochs"> {
  const steps = numberOption(context, "steps", ranges["training.steps"]);
  const epochs = numberOption(context, "epochs", ranges["training.epochs"]);
  if (steps !== undefined && epochs !== undefined) throw new UsageError("Give --steps or --epochs, not both.");
  if (steps !== undefined) return { steps, epochs: null };
  if (epochs !== undefined) return { steps: null, epochs };
  return { steps: training.steps, epochs: training.epochs };
}

function earlyStoppingFrom(
  context: CommandContext,
  { training }: RunSettings,
): RunSettings["training"]["earlyStopping"] {
  const text = stringOption(context, "early-stopping");
  if (text === undefined) return training.earlyStopping;
  if (text === "0") return null;
  const [patience, minDelta, ...rest] = `${text}${text.includes(":") ? "" : ":0"}`.split(":").map(numberIn);
  const fits = (value: number | undefined, { min, max, whole }: Range) =>
    value !== undefined && value >= min && value <= max && (!whole || Number.isInteger(value));
  if (
    rest.length > 0 ||
    !fits(patience, ranges["training.earlyStopping.patience"]) ||
    !fits(minDelta, ranges["training.earlyStopping.minDelta"])
  ) {
    throw new UsageError(`--early-stopping must be a number of evaluations, such as 3 or 3:0.01, not "${text}".`);
  }
  return { patience: patience!, minDelta: minDelta! };
}

/** NaN where the text is no number; an empty one is none. */
function numberIn(text: string): number {
  return text.trim() === "" ? Number.NaN : Number(text);
}

export function mixtureFrom(context: CommandContext): Pick<MixedDataset, "path" | "weight">[] {
  const given = context.values.mix;
  const { min, max } = ranges["dataset.weight"];
  return (Array.isArray(given) ? given : []).map((word) => {
    const text = String(word);
    const at = text.lastIndexOf("=");
    const weight = numberIn(text.slice(at + 1));
    if (at <= 0 || !(weight >= min && weight <= max)) {
      throw new UsageError(`--mix must be FILE=WEIGHT with a weight from ${min} to ${max}, not "${text}".`);
    }
    return { path: resolve(context.cwd, text.slice(0, at)), weight };
  });
}

/** Short rows share a sequence. */
export function packingFrom({ values }: CommandContext): boolean {
  return values["no-packing"] !== true;
}

export function completionFrom(context: CommandContext): CompletionMix | undefined {
  const share = numberOption(context, "completion-share", ranges["dataset.completion.share"]);
  const given = context.values["completion-from"];
  const words = Array.isArray(given) ? given.map(String) : [];
  if (share === undefined) {
    if (words.length > 0) throw new UsageError("--completion-from goes with --completion-share.");
    return undefined;
  }
  const folders = words.filter((word) => word !== "answers");
  if (folders.length > 1) throw new UsageError("--completion-from takes one folder at most.");
  const [folder] = folders;
  return {
    share,
    answers: folder === undefined || words.length > 1,
    folder: folder === undefined ? null : resolve(context.cwd, folder),
  };
}

export function heldOutFrom(context: CommandContext): HeldOut {
  const by = choice(context, "held-out-by", ["auto", "row", "source"]);
  const value = stringOption(context, "held-out");
  if (value === undefined) return by === undefined ? defaultHeldOut : { kind: "fraction", fraction: 0.1, by };
  const share = Number(value);
  if (share === 0) return { kind: "none" };
  const path = resolve(context.cwd, value);
  if (Number.isNaN(share) || existsSync(path)) return { kind: "file", path };
  const { min, max } = ranges["dataset.heldOut.fraction"];
  if (share < min || share > max) {
    throw new UsageError(`--held-out must be a share from ${min} to ${max}, 0 or a file, not "${value}".`);
  }
  return { kind: "fraction", fraction: share, by: by ?? "auto" };
}

function targetsFrom(context: CommandContext): RunSpec["lora"]["targets"] {
  const words = stringOption(context, "targets")?.split(",");
  if (words === undefined) return [...loraTargets];
  const wrong = words.find((word) => !loraTargets.some((target) => target === word));
  if (wrong !== undefined)
    throw new UsageError(`--targets: there is no "${wrong}"; choose from ${loraTargets.join(",")}.`);
  return loraTargets.filter((target) => words.includes(target));
}

function choice<const T extends string>(context: CommandContext, option: string, allowed: readonly T[]): T | undefined {
  const value = stringOption(context, option);
  if (value === undefined) return undefined;
  const found = allowed.find((word) => word === value);
  if (found === undefined) throw new UsageError(`--${option} must be ${allowed.join(", ")}, not "${value}".`);
  return found;
}

function nameOf(path: string): string {
  const file = path.slice(path.lastIndexOf("/") + 1);
  return file.replace(/\.(jsonl|ndjson)$/i, "") || "run";
}
