import * as v from "valibot";
import { type LoraTarget, RUN_VERSION, type RunSpec } from "../protocol/run";
import { RunError } from "./runError";

export const loraTargets: readonly LoraTarget[] = [
  "q_proj",
  "k_proj",
  "v_proj",
  "o_proj",
  "gate_proj",
  "up_proj",
  "down_proj",
];

/** What each number may be; the launch form checks against the same table. */
export const ranges = {
  "dataset.heldOut.fraction": { min: 0.001, max: 0.9 },
  "dataset.maxTrainRows": { min: 1, max: 1e9, whole: true },
  "dataset.maxEvalRows": { min: 1, max: 1e9, whole: true },
  sequenceLength: { min: 16, max: 131_072, whole: true },
  "lora.rank": { min: 1, max: 1024, whole: true },
  "parent.step": { min: 0, max: 1e7, whole: true },
  "lora.alpha": { min: 0.001, max: 65_536 },
  "lora.dropout": { min: 0, max: 0.9 },
  "dataset.weight": { min: 0.01, max: 100 },
  "dataset.completion.share": { min: 0.01, max: 0.95 },
  "optimizer.learningRate": { min: 1e-8, max: 1 },
  "optimizer.beta1": { min: 0, max: 0.9999 },
  "optimizer.beta2": { min: 0, max: 0.999999 },
  "optimizer.epsilon": { min: 1e-16, max: 0.1 },
  "optimizer.weightDecay": { min: 0, max: 1 },
  "optimizer.clipNorm": { min: 0, max: 1e6 },
  "optimizer.warmupSteps": { min: 0, max: 1e6, whole: true },
  "training.steps": { min: 1, max: 1e7, whole: true },
  "training.epochs": { min: 0.001, max: 1000 },
  "training.sequencesPerStep": { min: 1, max: 4096, whole: true },
  "training.microBatch": { min: 1, max: 4096, whole: true },
  "training.evalEvery": { min: 0, max: 1e7, whole: true },
  "training.checkpointEvery": { min: 0, max: 1e7, whole: true },
  "training.keepCheckpoints": { min: 1, max: 1000, whole: true },
  "training.earlyStopping.patience": { min: 1, max: 1000, whole: true },
  "training.earlyStopping.minDelta": { min: 0, max: 10 },
  "training.seed": { min: 0, max: 2 ** 32 - 1, whole: true },
  threads: { min: 0, max: 1024, whole: true },
  memoryBudget: { min: 2 ** 26, max: 2 ** 50, whole: true },
} satisfies Record<string, Range>;

export interface Range {
  min: number;
  max: number;
  whole?: boolean;
}

/** "a whole number from 1 to 1,024": the form's hint and the errors say the same. */
export function describeRange({ min, max, whole }: Range): string {
  return `a ${whole ? "whole " : ""}number from ${figure(min)} to ${figure(max)}`;
}

function figure(value: number): string {
  return Math.abs(value) >= 1 && Number.isInteger(value) ? value.toLocaleString("en-US") : String(value);
}

/** Everything of a RunSpec that a person can leave alone. */
export type RunSettings = Omit<RunSpec, "version" | "id" | "name" | "createdAt" | "model" | "dataset" | "parent">;

/** The product's defaults; the demo trains with exactly these. */
export function defaultSettings(): RunSettings {
  return {
    sequenceLength: 1024,
    lora: { rank: 16, alpha: 32, targets: [...loraTargets], dropout: 0, rankStabilised: false },
    optimizer: {
      learningRate: 1e-3,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0.01,
      clipNorm: 1,
      schedule: "cosine",
      warmupSteps: 10,
    },
    training: {
      steps: null,
      epochs: 1,
      sequencesPerStep: 4,
      microBatch: null,
      evalEvery: 50,
      checkpointEvery: 50,
      keepCheckpoints: 2,
      earlyStopping: null,
      seed: 0,
      recompute: "auto",
    },
    device: "auto",
    threads: 0,
    memoryBudget: null,
  };
}

/** Held out unless something else is asked for. */
export const defaultHeldOut: RunSpec["dataset"]["heldOut"] = { kind: "fraction", fraction: 0.1, by: "auto" };

const number = (name: keyof typeof ranges) => {
  const range: Range = ranges[name];
  const message = `must be ${describeRange(range)}`;
  return v.pipe(
    v.number(message),
    v.check((value) => Number.isFinite(value) && (!range.whole || Number.isInteger(value)), message),
    v.check((value) => value >= range.min && value <= range.max, message),
  );
};
const orNull = (name: keyof typeof ranges) => {
  const message = `must be ${describeRange(ranges[name])}, or null`;
  return v.union([v.null(), number(name)], message);
};
const text = v.pipe(v.string("must be a text"), v.nonEmpty("must not be empty"));
const path = v.pipe(text, v.startsWith("/", "must be an absolute path"));
const oneOf = <const T extends readonly [string, ...string[]]>(...values: T) =>
  v.picklist(values, `must be one of ${values.map((value) => `"${value}"`).join(", ")}`);
const missing = "is not an object with exactly the fields of a run";
const object = <T extends v.ObjectEntries>(entries: T) => v.strictObject(entries, missing);

const heldOutSchema = v.variant(
  "kind",
  [
    object({ kind: v.literal("none") }),
    object({
      kind: v.literal("fraction"),
      fraction: number("dataset.heldOut.fraction"),
      by: oneOf("auto", "row", "source"),
    }),
    object({ kind: v.literal("file"), path }),
  ],
  'must be one of "none", "fraction", "file"',
);

const weight = number("dataset.weight");
const fields = v.exactOptional(v.record(text, text));
const mixed = object({ path, format: text, fields, weight });
const completion = v.pipe(
  object({
    share: number("dataset.completion.share"),
    answers: v.boolean("must be true or false"),
    folder: v.union([v.null(), path], "must be an absolute path, or null"),
  }),
  v.check(({ answers, folder }) => answers || folder !== null, "must name answers or a folder to cut samples from"),
);

const schema = object({
  version: v.literal(RUN_VERSION, `must be ${RUN_VERSION}`),
  id: v.pipe(text, v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "must be letters, digits, dots, hyphens and underscores")),
  name: text,
  createdAt: v.pipe(text, v.isoTimestamp("must be a time in ISO 8601")),
  // What came later has a default: an older run.json lacks it.
  model: object({ path, quantization: v.optional(oneOf("none", "nf4"), "none"), adapter: v.exactOptional(path) }),
  parent: v.exactOptional(object({ run: text, step: number("parent.step") })),
  dataset: object({
    path,
    format: text,
    fields,
    weight: v.exactOptional(weight),
    completion: v.exactOptional(completion),
    mixture: v.exactOptional(v.pipe(v.array(mixed, "must be a list"), v.maxLength(64, "must have at most 64 entries"))),
    template: text,
    heldOut: heldOutSchema,
    maxTrainRows: orNull("dataset.maxTrainRows"),
    maxEvalRows: orNull("dataset.maxEvalRows"),
    packing: v.exactOptional(v.boolean("must be true or false")),
  }),
  sequenceLength: number("sequenceLength"),
  lora: object({
    rank: number("lora.rank"),
    alpha: number("lora.alpha"),
    targets: v.pipe(
      v.array(oneOf("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"), "must be a list"),
      v.minLength(1, "must name at least one projection"),
      v.check((targets) => new Set(targets).size === targets.length, "must not name a projection twice"),
    ),
    dropout: v.optional(number("lora.dropout"), 0),
    rankStabilised: v.optional(v.boolean("must be true or false"), false),
  }),
  optimizer: object({
    learningRate: number("optimizer.learningRate"),
    beta1: number("optimizer.beta1"),
    beta2: number("optimizer.beta2"),
    epsilon: number("optimizer.epsilon"),
    weightDecay: number("optimizer.weightDecay"),
    clipNorm: number("optimizer.clipNorm"),
    schedule: oneOf("constant", "linear", "cosine"),
    warmupSteps: number("optimizer.warmupSteps"),
  }),
  training: object({
    steps: orNull("training.steps"),
    epochs: orNull("training.epochs"),
    sequencesPerStep: number("training.sequencesPerStep"),
    microBatch: orNull("training.microBatch"),
    evalEvery: number("training.evalEvery"),
    checkpointEvery: number("training.checkpointEvery"),
    keepCheckpoints: number("training.keepCheckpoints"),
    earlyStopping: v.optional(
      v.nullable(
        object({
          patience: number("training.earlyStopping.patience"),
          minDelta: number("training.earlyStopping.minDelta"),
        }),
      ),
      null,
    ),
    seed: number("training.seed"),
    recompute: oneOf("auto", "none", "gate-up", "block"),
  }),
  device: oneOf("auto", "cpu", "cuda"),
  threads: number("threads"),
  memoryBudget: v.optional(orNull("memoryBudget"), null),
});

export interface FieldProblem {
  /** Dotted, e.g. "lora.rank". */
  field: string;
  message: string;
}

/** Every field that is wrong, in the order of the fields; empty for a valid spec. */
export function findSpecProblems(value: unknown): FieldProblem[] {
  return check(value).problems;
}

/** The run with its defaults. Throws one sentence that names `file` and the first wrong field. */
export function parseRunSpec(value: unknown, file: string): RunSpec {
  const { problems, spec } = check(value);
  if (spec === undefined) throw new RunError(`${file}: ${problems[0]?.message}`);
  return spec;
}

function check(value: unknown): { problems: FieldProblem[]; spec?: RunSpec } {
  const result = v.safeParse(schema, value);
  if (!result.success) return { problems: result.issues.map(problemOf) };
  const { steps, epochs } = result.output.training;
  if ((steps === null) === (epochs === null)) {
    const message = "training.steps or training.epochs must be set, and the other null.";
    return { problems: [{ field: "training.steps", message }] };
  }
  return { problems: [], spec: result.output };
}

function problemOf(issue: v.BaseIssue<unknown>): FieldProblem {
  const field = v.getDotPath(issue) ?? "";
  const shown = field === "" ? "the run" : field;
  if (issue.type === "strict_object" && issue.expected === "never") {
    return { field, message: `${shown} is not a field of a run.` };
  }
  if (issue.received === "undefined") return { field, message: `${shown} is missing.` };
  const message = issue.message === missing ? "must be an object" : issue.message;
  return { field, message: `${shown} ${message}, not ${quote(issue.input)}.` };
}

function quote(value: unknown): string {
  const written = typeof value === "number" ? String(value) : JSON.stringify(value);
  return written.length > 60 ? `${written.slice(0, 60)}…` : written;
}
