import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { HeldOut, RunSpec } from "../protocol/run";
import type { NewRun } from "../run/runDirectory";
import { defaultHeldOut, defaultSettings, describeRange, loraTargets, ranges } from "../run/runSpec";
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

export const newRunOptions: OptionSpecs = {
  data: { type: "string", value: "FILE", description: "the data set of a new run (.jsonl)" },
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
  const defaults = defaultSettings();
  const dataPath = resolve(context.cwd, requiredOption(context, "data"));
  const steps = number("steps") ?? null;
  const epochs = number("epochs") ?? null;
  if (steps !== null && epochs !== null) throw new UsageError("Give --steps or --epochs, not both.");
  const rank = number("rank") ?? defaults.lora.rank;
  return {
    name: stringOption(context, "name") ?? nameOf(dataPath),
    model: {
      path: resolve(context.cwd, requiredOption(context, "model")),
      quantization: choice(context, "quantization", ["none", "nf4"]) ?? "none",
    },
    dataset: {
      path: dataPath,
      format: stringOption(context, "format") ?? "auto",
      ...(context.values.field === undefined ? {} : { fields: fieldOptions(context) }),
      template: stringOption(context, "template") ?? "auto",
      heldOut: heldOutFrom(context),
      maxTrainRows: number("max-train-rows") ?? null,
      maxEvalRows: number("max-eval-rows") ?? null,
    },
    sequenceLength: number("sequence-length") ?? defaults.sequenceLength,
    // Alpha follows the rank, so that a changed rank does not change how strongly the adapter acts.
    lora: { ...defaults.lora, rank, alpha: number("alpha") ?? 2 * rank, targets: targetsFrom(context) },
    optimizer: {
      ...defaults.optimizer,
      learningRate: number("learning-rate") ?? defaults.optimizer.learningRate,
      weightDecay: number("weight-decay") ?? defaults.optimizer.weightDecay,
      clipNorm: number("clip-norm") ?? defaults.optimizer.clipNorm,
      schedule: choice(context, "schedule", ["constant", "linear", "cosine"]) ?? defaults.optimizer.schedule,
      warmupSteps: number("warmup-steps") ?? defaults.optimizer.warmupSteps,
    },
    training: {
      ...defaults.training,
      steps,
      epochs: steps === null ? (epochs ?? defaults.training.epochs) : null,
      sequencesPerStep: number("sequences-per-step") ?? defaults.training.sequencesPerStep,
      microBatch: number("micro-batch") ?? defaults.training.microBatch,
      evalEvery: number("eval-every") ?? defaults.training.evalEvery,
      checkpointEvery: number("checkpoint-every") ?? defaults.training.checkpointEvery,
      keepCheckpoints: number("keep-checkpoints") ?? defaults.training.keepCheckpoints,
      seed: number("seed") ?? defaults.training.seed,
      recompute: choice(context, "recompute", ["auto", "none", "gate-up", "block"]) ?? defaults.training.recompute,
    },
    device: choice(context, "device", ["auto", "cpu", "cuda"]) ?? defaults.device,
    threads: number("threads") ?? defaults.threads,
    memoryBudget: number("memory-budget") ?? defaults.memoryBudget,
  };
}

function heldOutFrom(context: CommandContext): HeldOut {
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
