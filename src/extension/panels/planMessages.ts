/** The launch form as a page or an earlier version of it has kept it: checked before it is acted upon. */
import * as v from "valibot";
import type { FormField, PlanForm } from "../../protocol/planForm";
import { standardSettings } from "../../run/planSettings";
import { STANDARD } from "../../run/presets";
import { loraTargets, type Range, ranges } from "../../run/runSpec";

const MAX_TEXT = 4096;
const MAX_MIXED = 64;
const MAX_FIELDS = 64;
const text = v.pipe(v.string(), v.maxLength(MAX_TEXT));
/** A field that holds no number arrives as null: JSON knows no NaN. */
const figure = v.pipe(
  v.nullable(v.number()),
  v.transform((value) => value ?? Number.NaN),
);
const figureOrAuto = v.union([v.literal("auto"), figure]);

const rowFields = v.pipe(
  v.record(text, text),
  v.check((fields) => Object.keys(fields).length <= MAX_FIELDS),
);
const mixed = v.strictObject({
  path: v.pipe(text, v.startsWith("/")),
  format: v.pipe(text, v.nonEmpty()),
  fields: v.exactOptional(rowFields),
  weight: figure,
});

const within = ({ min, max }: Range) => v.pipe(v.number(), v.minValue(min), v.maxValue(max));
const rows = (field: "dataset.maxTrainRows" | "dataset.maxEvalRows") =>
  v.nullable(v.pipe(within(ranges[field]), v.integer()));
const further = v.strictObject({
  format: text,
  fields: v.nullable(rowFields),
  template: text,
  heldOutBy: v.picklist(["auto", "row", "source"]),
  maxTrainRows: rows("dataset.maxTrainRows"),
  maxEvalRows: rows("dataset.maxEvalRows"),
  beta1: within(ranges["optimizer.beta1"]),
  beta2: within(ranges["optimizer.beta2"]),
  epsilon: within(ranges["optimizer.epsilon"]),
});

const standard = standardSettings();

/** What came later has a default: a page that an earlier version has kept lacks it. */
const fields = {
  preset: v.optional(text, STANDARD),
  modelPath: text,
  name: text,
  weight: v.optional(figure, 1),
  mixture: v.optional(v.pipe(v.array(mixed), v.maxLength(MAX_MIXED)), []),
  completionPercent: v.optional(figure, 0),
  completionFrom: v.optional(v.picklist(["answers", "folder", "both"]), "answers"),
  completionFolder: v.optional(text, ""),
  heldOut: v.optional(v.picklist(["fraction", "file", "none"])),
  heldOutPercent: figure,
  heldOutPath: v.optional(text, ""),
  further: v.optional(v.nullable(further), null),
  rank: figure,
  alpha: figure,
  dropout: v.optional(figure, standard.dropout),
  targets: v.optional(v.pipe(v.array(v.picklist(loraTargets)), v.maxLength(loraTargets.length)), standard.targets),
  rankStabilised: v.optional(v.boolean(), standard.rankStabilised),
  learningRate: figure,
  schedule: v.picklist(["constant", "linear", "cosine"]),
  warmupSteps: figure,
  weightDecay: v.optional(figure, standard.weightDecay),
  clipNorm: v.optional(figure, standard.clipNorm),
  length: v.optional(v.picklist(["epochs", "steps"]), standard.length),
  epochs: figure,
  steps: v.optional(figure, standard.steps),
  sequenceLength: figure,
  sequencesPerStep: figure,
  packing: v.optional(v.boolean(), standard.packing),
  seed: figure,
  evalEvery: v.optional(figureOrAuto, "auto"),
  checkpointEvery: v.optional(figureOrAuto, "auto"),
  keepCheckpoints: v.optional(figure, standard.keepCheckpoints),
  earlyStopping: v.optional(v.boolean(), standard.earlyStopping),
  patience: v.optional(figure, standard.patience),
  minDelta: v.optional(figure, standard.minDelta),
  quantization: v.optional(v.picklist(["none", "nf4"]), standard.quantization),
  recompute: v.optional(v.picklist(["auto", "none", "gate-up", "block"]), standard.recompute),
  microBatch: v.optional(figureOrAuto, standard.microBatch),
  device: v.optional(v.picklist(["auto", "cpu", "cuda"]), standard.device),
  memoryLimit: v.optional(figureOrAuto, standard.memoryLimit),
} satisfies Record<FormField, v.GenericSchema>;

export const planForm: v.GenericSchema<unknown, PlanForm> = v.pipe(
  v.strictObject(fields),
  v.transform(({ heldOut, ...form }) => {
    // Once 0 percent meant none.
    if (heldOut !== undefined) return { ...form, heldOut };
    const none = form.heldOutPercent === 0;
    return {
      ...form,
      heldOut: none ? ("none" as const) : ("fraction" as const),
      heldOutPercent: none ? standard.heldOutPercent : form.heldOutPercent,
    };
  }),
);

const bare = <const T extends string>(type: T) => v.object({ type: v.literal(type) });
const fieldNames = Object.keys(fields) as FormField[];

/** What the page of a plan may ask for, beside what it asks of every view. */
export const fromPlan = [
  v.object({ type: v.literal("effectOf"), field: v.picklist(fieldNames) }),
  bare("downloadModel"),
  bare("addDataset"),
  bare("chooseHeldOut"),
  bare("chooseCompletionFolder"),
  bare("saveSettings"),
  bare("exportSettings"),
  bare("importSettings"),
  v.object({ type: v.literal("deletePreset"), id: text }),
] as const;
