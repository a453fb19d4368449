/** Settings to begin with, for what a person is after. */

import type { PlanSettings } from "../protocol/planForm";
import { standardSettings } from "./planSettings";

export const presetIds = ["quick", "standard", "thorough", "least-memory"] as const;
export type PresetId = (typeof presetIds)[number];
export const STANDARD: PresetId = "standard";

export interface PresetSituation {
  /** Tokens of a sequence, as the workspace has it. */
  sequenceLength: number;
  /** Runs started now compute on a GPU: weights in 4 bits are for GPUs only. */
  gpu: boolean;
}

const QUICK_STEPS = 60;
/** Activations grow with a sequence; most rows of code and instructions are shorter. */
const SHORT_SEQUENCE = 512;

export function presetSettings(id: PresetId, { sequenceLength, gpu }: PresetSituation): PlanSettings {
  const standard = { ...standardSettings(), sequenceLength };
  switch (id) {
    case "quick":
      return { ...standard, length: "steps", steps: QUICK_STEPS };
    case "standard":
      return standard;
    case "thorough":
      return { ...standard, epochs: 3, rank: 32, alpha: 64, earlyStopping: true };
    case "least-memory":
      return {
        ...standard,
        rank: 8,
        alpha: 16,
        recompute: "block",
        microBatch: 1,
        quantization: gpu ? "nf4" : "none",
        sequenceLength: Math.min(sequenceLength, SHORT_SEQUENCE),
      };
  }
}
