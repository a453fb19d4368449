import type { FormField, PlanForm, PlanSettings } from "../../protocol/planForm";
import { changedSettings } from "../../run/planSettings";

export interface Baseline {
  preset: PlanSettings;
  /** What a new plan begins with. */
  modelPath: string;
}

/**
 * The form as it would be with one field left alone: the preset's value, or where presets say nothing what a new plan
 * begins with. Null where that is what it is, or where the field is none that a forecast depends on.
 */
export function withFieldLeftAlone(form: PlanForm, field: FormField, { preset, modelPath }: Baseline): PlanForm | null {
  const changes = leftAlone(form, field, preset, modelPath);
  const names = Object.keys(changes) as FormField[];
  if (names.every((name) => JSON.stringify(changes[name]) === JSON.stringify(form[name]))) return null;
  const counts = !(field in preset) || changedSettings(form, preset).some((name) => name === field);
  return counts ? { ...form, ...changes } : null;
}

function leftAlone(form: PlanForm, field: FormField, preset: PlanSettings, modelPath: string): Partial<PlanForm> {
  switch (field) {
    case "name":
    case "preset":
    case "further":
      return {};
    case "modelPath":
      return { modelPath };
    case "weight":
    case "mixture":
      return { weight: 1, mixture: form.mixture.map((mixed) => ({ ...mixed, weight: 1 })) };
    case "completionPercent":
      return { completionPercent: 0 };
    case "completionFrom":
    case "completionFolder":
      return { completionFrom: "answers" };
    case "heldOut":
    case "heldOutPath":
      return { heldOut: "fraction", heldOutPercent: preset.heldOutPercent };
    case "length":
    case "epochs":
    case "steps":
      // Passes and steps are one thing: the preset's number counts as the preset counts.
      return { length: preset.length, epochs: preset.epochs, steps: preset.steps };
    default:
      return { [field]: preset[field] };
  }
}
