import * as v from "valibot";
import { describe, expect, it } from "vitest";
import type { SettingChange } from "../protocol/engine";
import { applyChanges, settingChanges } from "./fixes";
import { changedSettings, runSettings, standardSettings } from "./planSettings";

const changesOf = (changes: SettingChange[]) => {
  const settings = standardSettings();
  const changed = applyChanges(settings, changes);
  expect(settings).toEqual(standardSettings());
  return Object.fromEntries(changedSettings(changed, settings).map((name) => [name, changed[name]]));
};

describe("applyChanges", () => {
  it.each<[SettingChange[], object]>([
    [[{ field: "training.recompute", value: "block" }], { recompute: "block" }],
    [[{ field: "training.microBatch", value: 1 }], { microBatch: 1 }],
    [[{ field: "model.quantization", value: "nf4" }], { quantization: "nf4" }],
    [[{ field: "sequenceLength", value: 512 }], { sequenceLength: 512 }],
    [[{ field: "memoryBudget", value: 3 * 2 ** 30 }], { memoryLimit: 3 }],
    [[{ field: "training.epochs", value: 2 }], { epochs: 2 }],
    [[{ field: "training.steps", value: 90 }], { length: "steps", steps: 90 }],
    [
      [
        { field: "training.recompute", value: "block" },
        { field: "training.microBatch", value: 2 },
      ],
      { recompute: "block", microBatch: 2 },
    ],
  ])("%j", (changes, expected) => {
    expect(changesOf(changes)).toEqual(expected);
  });

  it("keeps the adapter's strength where its rank changes", () => {
    const settings = { ...standardSettings(), rank: 16, alpha: 32 };
    expect(applyChanges(settings, [{ field: "lora.rank", value: 4 }])).toMatchObject({ rank: 4, alpha: 8 });
    const stabilised = { ...settings, rankStabilised: true };
    expect(applyChanges(stabilised, [{ field: "lora.rank", value: 4 }])).toMatchObject({ rank: 4, alpha: 16 });
  });

  it("sets what was fixed free again", () => {
    const fixed = { ...standardSettings(), microBatch: 8, recompute: "none" as const };
    const free = applyChanges(fixed, [
      { field: "training.microBatch", value: null },
      { field: "training.recompute", value: "auto" },
    ]);
    expect(free).toEqual(standardSettings());
  });

  it("gives the limit back to the byte", () => {
    const limit = 5 * 2 ** 26;
    const settings = applyChanges(standardSettings(), [{ field: "memoryBudget", value: limit }]);
    expect(runSettings(settings, { threads: 0, sequences: null }).memoryBudget).toBe(limit);
  });
});

describe("settingChanges", () => {
  const accepts = (value: unknown) => v.safeParse(settingChanges, value).success;

  it("takes changes within the ranges of their settings, and nothing else", () => {
    expect(accepts([{ field: "lora.rank", value: 8 }])).toBe(true);
    for (const change of [
      { field: "lora.rank", value: 0 },
      { field: "lora.rank", value: 2.5 },
      { field: "lora.rank", value: "8" },
      { field: "sequenceLength", value: 1e9 },
      { field: "training.recompute", value: "everything" },
      { field: "model.path", value: "/etc" },
      { field: "__proto__", value: 1 },
      "lora.rank",
    ]) {
      expect(accepts([change])).toBe(false);
    }
    expect(accepts([])).toBe(false);
    expect(accepts(Array.from({ length: 9 }, () => ({ field: "lora.rank", value: 8 })))).toBe(false);
  });
});
