/** Changes of a run's settings that mend a plan: what they may be, and what they make of the launch form's settings. */
import * as v from "valibot";
import type { SettingChange } from "../protocol/engine";
import type { PlanSettings } from "../protocol/planForm";
import { type Range, ranges } from "./runSpec";

const GIGABYTE = 2 ** 30;

const within = ({ min, max, whole }: Range) =>
  v.pipe(
    v.number(),
    v.minValue(min),
    v.maxValue(max),
    v.check((value) => !whole || Number.isInteger(value), "must be a whole number"),
  );

const settingChange = v.variant("field", [
  v.object({
    field: v.literal("training.recompute"),
    value: v.picklist(["auto", "none", "gate-up", "block"]),
  }),
  v.object({ field: v.literal("training.microBatch"), value: v.nullable(within(ranges["training.microBatch"])) }),
  v.object({ field: v.literal("model.quantization"), value: v.picklist(["none", "nf4"]) }),
  v.object({ field: v.literal("sequenceLength"), value: within(ranges.sequenceLength) }),
  v.object({ field: v.literal("lora.rank"), value: within(ranges["lora.rank"]) }),
  v.object({ field: v.literal("memoryBudget"), value: within(ranges.memoryBudget) }),
  v.object({ field: v.literal("training.epochs"), value: within(ranges["training.epochs"]) }),
  v.object({ field: v.literal("training.steps"), value: within(ranges["training.steps"]) }),
]);

/** From the engine or from a page: a few, each within the range of its setting. */
export const settingChanges: v.GenericSchema<unknown, SettingChange[]> = v.pipe(
  v.array(settingChange),
  v.minLength(1),
  v.maxLength(8),
);

/** The settings with the changes made; the ones that were given stay as they are. */
export function applyChanges<S extends PlanSettings>(settings: S, changes: readonly SettingChange[]): S {
  const changed = { ...settings };
  for (const change of changes) Object.assign(changed, effectOf(changed, change));
  return changed;
}

function effectOf(settings: PlanSettings, change: SettingChange): Partial<PlanSettings> {
  switch (change.field) {
    case "training.recompute":
      return { recompute: change.value };
    case "training.microBatch":
      return { microBatch: change.value ?? "auto" };
    case "model.quantization":
      return { quantization: change.value };
    case "sequenceLength":
      return { sequenceLength: change.value };
    case "lora.rank":
      return { rank: change.value, alpha: sameStrength(settings, change.value) };
    case "memoryBudget":
      return { memoryLimit: change.value / GIGABYTE };
    case "training.epochs":
      return { length: "epochs", epochs: change.value };
    case "training.steps":
      return { length: "steps", steps: change.value };
  }
}

/** The adapter is scaled by alpha / rank, or alpha / √rank: another rank must not make it act more strongly. */
function sameStrength({ rank, alpha, rankStabilised }: PlanSettings, newRank: number): number {
  const ratio = rankStabilised ? Math.sqrt(newRank / rank) : newRank / rank;
  const { min, max } = ranges["lora.alpha"];
  return Math.min(max, Math.max(min, Number((alpha * ratio).toPrecision(6))));
}
