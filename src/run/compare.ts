import type { ComparedSetting, SettingKey, SettingValue } from "../protocol/compareView";
import type { CompletionMix, MixedDataset, RunSpec } from "../protocol/run";

/** A run to compare: what was asked, and the data as preparation found it. */
export interface ComparedSpec {
  spec: RunSpec;
  /** SHA-256 of the data set's files; null where it has not been prepared. */
  contents: string | null;
}

type Reader = (run: ComparedSpec) => SettingValue;

/** Every setting of a run, in the order in which they matter to a person; the compiler keeps it complete. */
const readers: Record<SettingKey, Reader> = {
  "model.path": ({ spec }) => spec.model.path,
  "model.quantization": ({ spec }) => spec.model.quantization,
  "model.adapter": ({ spec }) => spec.model.adapter ?? null,
  "parent.run": ({ spec }) => spec.parent?.run ?? null,
  "parent.step": ({ spec }) => spec.parent?.step ?? null,
  "dataset.path": ({ spec }) => spec.dataset.path,
  "dataset.contents": ({ contents }) => contents,
  "dataset.format": ({ spec }) => spec.dataset.format,
  "dataset.fields": ({ spec }) => fieldsText(spec.dataset.fields),
  "dataset.weight": ({ spec: { dataset } }) => (isMixed(dataset) ? (dataset.weight ?? 1) : (dataset.weight ?? null)),
  "dataset.mixture": ({ spec: { dataset } }) => mixtureText(dataset.mixture, mixedText),
  "dataset.mixture.weight": ({ spec: { dataset } }) => mixtureText(dataset.mixture, ({ weight }) => String(weight)),
  "dataset.completion.share": ({ spec }) => spec.dataset.completion?.share ?? null,
  "dataset.completion.from": ({ spec }) => completionText(spec.dataset.completion),
  "dataset.template": ({ spec }) => spec.dataset.template,
  "dataset.heldOut.kind": ({ spec }) => spec.dataset.heldOut.kind,
  "dataset.heldOut.fraction": ({ spec: { dataset } }) =>
    dataset.heldOut.kind === "fraction" ? dataset.heldOut.fraction : null,
  "dataset.heldOut.by": ({ spec: { dataset } }) => (dataset.heldOut.kind === "fraction" ? dataset.heldOut.by : null),
  "dataset.heldOut.path": ({ spec: { dataset } }) => (dataset.heldOut.kind === "file" ? dataset.heldOut.path : null),
  "dataset.maxTrainRows": ({ spec }) => spec.dataset.maxTrainRows,
  "dataset.maxEvalRows": ({ spec }) => spec.dataset.maxEvalRows,
  "dataset.packing": ({ spec }) => (spec.dataset.packing === false ? "off" : "on"),
  sequenceLength: ({ spec }) => spec.sequenceLength,
  "lora.rank": ({ spec }) => spec.lora.rank,
  "lora.alpha": ({ spec }) => spec.lora.alpha,
  // The order in which they are named means nothing.
  "lora.targets": ({ spec }) => [...spec.lora.targets].sort().join(", "),
  "lora.dropout": ({ spec }) => spec.lora.dropout,
  "lora.rankStabilised": ({ spec }) => (spec.lora.rankStabilised ? "on" : "off"),
  "optimizer.learningRate": ({ spec }) => spec.optimizer.learningRate,
  "optimizer.schedule": ({ spec }) => spec.optimizer.schedule,
  "optimizer.warmupSteps": ({ spec }) => spec.optimizer.warmupSteps,
  "training.epochs": ({ spec }) => spec.training.epochs,
  "training.steps": ({ spec }) => spec.training.steps,
  "training.sequencesPerStep": ({ spec }) => spec.training.sequencesPerStep,
  "optimizer.weightDecay": ({ spec }) => spec.optimizer.weightDecay,
  "optimizer.clipNorm": ({ spec }) => spec.optimizer.clipNorm,
  "optimizer.beta1": ({ spec }) => spec.optimizer.beta1,
  "optimizer.beta2": ({ spec }) => spec.optimizer.beta2,
  "optimizer.epsilon": ({ spec }) => spec.optimizer.epsilon,
  "training.seed": ({ spec }) => spec.training.seed,
  "training.microBatch": ({ spec }) => spec.training.microBatch,
  "training.recompute": ({ spec }) => spec.training.recompute,
  "training.evalEvery": ({ spec }) => spec.training.evalEvery,
  "training.checkpointEvery": ({ spec }) => spec.training.checkpointEvery,
  "training.keepCheckpoints": ({ spec }) => spec.training.keepCheckpoints,
  "training.earlyStopping.patience": ({ spec }) => spec.training.earlyStopping?.patience ?? null,
  "training.earlyStopping.minDelta": ({ spec }) => spec.training.earlyStopping?.minDelta ?? null,
  device: ({ spec }) => spec.device,
  threads: ({ spec }) => spec.threads,
  memoryBudget: ({ spec }) => spec.memoryBudget,
};

/** What decides which tokens the held-out loss is a mean of. */
const decideHeldOut: readonly SettingKey[] = [
  "model.path",
  "dataset.path",
  "dataset.contents",
  "dataset.format",
  "dataset.fields",
  "dataset.mixture",
  "dataset.template",
  "dataset.heldOut.kind",
  "dataset.heldOut.fraction",
  "dataset.heldOut.by",
  "dataset.heldOut.path",
  "dataset.maxEvalRows",
  "sequenceLength",
];

/** Every setting that any of the runs has, with its value in each of them. */
export function compareSettings(runs: readonly ComparedSpec[]): ComparedSetting[] {
  return (Object.keys(readers) as SettingKey[])
    .map((key) => compareSetting(key, runs.map(readers[key])))
    .filter(({ values }) => values.some((value) => value !== null));
}

function compareSetting(key: SettingKey, values: SettingValue[]): ComparedSetting {
  const known = key === "dataset.contents" ? values.filter((value) => value !== null) : values;
  return { key, values, differs: new Set(known).size > 1 };
}

/** Whether the runs' held-out losses are of different rows or tokens, so that the lower one need not be the better. */
export function heldOutDiffers(settings: readonly ComparedSetting[]): boolean {
  const differing = new Set(settings.filter(({ differs }) => differs).map(({ key }) => key));
  // A share of the rows is drawn by the seed.
  const drawn = settings.some(({ key, values }) => key === "dataset.heldOut.kind" && values.includes("fraction"));
  return decideHeldOut.some((key) => differing.has(key)) || (drawn && differing.has("training.seed"));
}

function fieldsText(fields: Record<string, string> | undefined): string | null {
  const entries = Object.entries(fields ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? null : entries.map(([part, field]) => `${part}: ${field}`).join(", ");
}

function completionText(completion: CompletionMix | undefined): string | null {
  if (completion === undefined) return null;
  return [completion.answers ? "answers" : null, completion.folder].filter((part) => part !== null).join(", ");
}

function isMixed({ mixture }: RunSpec["dataset"]): boolean {
  return (mixture ?? []).length > 0;
}

/** In the order in which they are named, which decides the order of the rows. */
function mixtureText(mixture: readonly MixedDataset[] = [], text: (mixed: MixedDataset) => string): string | null {
  return mixture.length === 0 ? null : mixture.map(text).join(", ");
}

function mixedText({ path, format, fields }: MixedDataset): string {
  const read = [format === "auto" ? null : format, fieldsText(fields)].filter((part) => part !== null);
  return read.length === 0 ? path : `${path} (${read.join("; ")})`;
}
