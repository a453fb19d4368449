import { RUN_VERSION, type RunSpec } from "../../protocol/run";
import { newRun } from "./testRun";

/** One wrong field a time. The native engine is fed the same table (engine.test.ts). */
export interface BrokenSpec {
  name: string;
  // biome-ignore lint/suspicious/noExplicitAny: breaking types is the point
  change(spec: any): void;
  field: string;
  says: string;
}

export function validSpec(): RunSpec {
  return { version: RUN_VERSION, id: "20261122-181203-try", createdAt: "2026-11-22T18:12:03.000Z", ...newRun() };
}

/** `blamed`: the field that the sentence names, where it is not the one that was set. Undefined removes the field. */
const set = (path: string, value: unknown, says: string, blamed = path): BrokenSpec => ({
  name: `${path} = ${JSON.stringify(value) ?? "nothing"}`,
  field: blamed,
  says: `${blamed} ${says}`,
  change(spec) {
    const keys = path.split(".");
    const last = keys.pop()!;
    const owner = keys.reduce((object, key) => object[key], spec);
    if (value === undefined) delete owner[last];
    else owner[last] = value;
  },
});

export const brokenSpecs: BrokenSpec[] = [
  set("version", 2, "must be 1, not 2."),
  set("version", undefined, "is missing."),
  set("id", "", "must"),
  set("id", "../elsewhere", "must be letters"),
  set("name", 7, "must be a text, not 7."),
  set("createdAt", "yesterday", "must be a time in ISO 8601"),
  set("model", "tiny", 'must be an object, not "tiny".'),
  set("model.path", undefined, "is missing."),
  set("model.path", "models/tiny", "must be an absolute path"),
  set("dataset.path", "", "must not be empty"),
  set("dataset.heldOut", { kind: "some" }, "must be one of", "dataset.heldOut.kind"),
  set(
    "dataset.heldOut",
    { kind: "fraction", fraction: 1.5, by: "row" },
    "must be a number from 0.001 to 0.9, not 1.5.",
    "dataset.heldOut.fraction",
  ),
  set(
    "dataset.heldOut",
    { kind: "fraction", fraction: 0.1, by: "file" },
    'must be one of "auto", "row", "source", not "file".',
    "dataset.heldOut.by",
  ),
  set("dataset.maxTrainRows", 0, "must be a whole number from 1"),
  set("dataset.packing", "no", "must be true or false"),
  set("dataset.maxEvalRows", "all", "must be a whole number from 1"),
  set("sequenceLength", 15, "must be a whole number from 16 to 131,072, not 15."),
  set("sequenceLength", 512.5, "must be a whole number"),
  set("sequenceLength", "512", 'must be a whole number from 16 to 131,072, not "512".'),
  set("lora.rank", 0, "must be a whole number from 1 to 1,024, not 0."),
  set("lora.rank", null, "must be a whole number from 1 to 1,024, not null."),
  set("lora.alpha", -1, "must be a number"),
  set("lora.targets", [], "must name at least one projection"),
  set("lora.targets", ["q_proj", "q_proj"], "must not name a projection twice"),
  set("lora.targets", ["lm_head"], "must be one of", "lora.targets.0"),
  set("optimizer.learningRate", 0, "must be a number"),
  set("optimizer.beta1", 1, "must be a number"),
  set("optimizer.beta2", -0.1, "must be a number"),
  set("optimizer.epsilon", 0, "must be a number"),
  set("optimizer.weightDecay", -1, "must be a number"),
  set("optimizer.clipNorm", -1, "must be a number"),
  set("optimizer.schedule", "cubic", 'must be one of "constant", "linear", "cosine", not "cubic".'),
  set("optimizer.warmupSteps", -1, "must be a whole number"),
  set("optimizer.warmupSteps", undefined, "is missing."),
  set("optimizer.momentum", 0.9, "is not a field of a run."),
  set("training.steps", 0, "must be a whole number"),
  set("training.steps", 10, "or training.epochs must be set, and the other null."),
  set("training.epochs", null, "or training.epochs must be set, and the other null.", "training.steps"),
  set("training.sequencesPerStep", 0, "must be a whole number"),
  set("training.microBatch", 0, "must be a whole number"),
  set("training.evalEvery", -1, "must be a whole number"),
  set("training.checkpointEvery", 1.5, "must be a whole number"),
  set("training.keepCheckpoints", 0, "must be a whole number"),
  set("training.seed", -1, "must be a whole number"),
  set("training.recompute", "all", "must be one of"),
  set("device", "tpu", "must be one of"),
  set("model.quantization", "int8", 'must be one of "none", "nf4", not "int8".'),
  set("model.quantization", null, "must be one of"),
  set("memoryBudget", 1000, "must be a whole number"),
  set("memoryBudget", "8 GB", "must be a whole number"),
  set("threads", -1, "must be a whole number from 0 to 1,024, not -1."),
  set("colour", "green", "is not a field of a run."),
];
