import { describe, expect, it } from "vitest";
import type { FormField, PlanForm } from "../../protocol/planForm";
import { standardSettings } from "../../run/planSettings";
import { defaultForm } from "../runs/planForm";
import { withFieldLeftAlone } from "./planBaseline";

const standard = defaultForm("/data/sums.jsonl", "/models/tiny", 1024);
const baseline = { preset: standardSettings(), modelPath: "/models/tiny" };
const more = (weight: number) => [{ path: "/data/products.jsonl", format: "auto", weight }];
const leftAlone = (field: FormField, changes: Partial<PlanForm>) =>
  withFieldLeftAlone({ ...standard, ...changes }, field, baseline);

describe("what a field's effect is told against", () => {
  it.each<[FormField, Partial<PlanForm>, Partial<PlanForm>]>([
    ["rank", { rank: 64 }, { rank: 16 }],
    ["heldOutPercent", { heldOutPercent: 50 }, { heldOutPercent: 10 }],
    ["seed", { seed: 7 }, { seed: 0 }],
    ["packing", { packing: false }, { packing: true }],
    ["steps", { length: "steps", steps: 9 }, { length: "epochs", epochs: 1, steps: standard.steps }],
    ["modelPath", { modelPath: "/models/large" }, { modelPath: "/models/tiny" }],
    ["mixture", { weight: 2, mixture: more(3) }, { weight: 1, mixture: more(1) }],
    ["completionPercent", { completionPercent: 50 }, { completionPercent: 0 }],
    ["completionFrom", { completionPercent: 50, completionFrom: "both" }, { completionFrom: "answers" }],
    ["heldOut", { heldOut: "none" }, { heldOut: "fraction" }],
    ["heldOutPath", { heldOut: "file", heldOutPath: "/e.jsonl" }, { heldOut: "fraction" }],
  ])("%s", (field, changes, expected) => {
    expect(leftAlone(field, changes)).toEqual({ ...standard, ...changes, ...expected });
  });

  it.each<[FormField, Partial<PlanForm>]>([
    ["rank", { alpha: 64 }],
    ["name", { name: "other" }],
    ["patience", { patience: 9 }],
    ["heldOut", {}],
    ["mixture", { mixture: more(1) }],
  ])("there is none of %s with %o", (field, changes) => {
    expect(leftAlone(field, changes)).toBeNull();
  });
});
