import { beforeAll, describe, expect, it } from "vitest";
import { settingText } from "./settingText";

beforeAll(() => {
  // The page's language and texts.
  Object.assign(globalThis, { document: { documentElement: { lang: "en" }, getElementById: () => null } });
});

describe("a setting in words", () => {
  it("shows a path by its name, unless another run's would be taken for it", () => {
    expect(settingText("dataset.path", "/a/rows.jsonl", ["/a/rows.jsonl", "/b/other.jsonl"])).toEqual({
      text: "rows.jsonl",
      full: "/a/rows.jsonl",
    });
    expect(settingText("dataset.path", "/a/rows.jsonl", ["/b/rows.jsonl"]).text).toBe("/a/rows.jsonl");
  });

  it.each([
    ["training.microBatch", null, "Automatic"],
    ["dataset.maxTrainRows", null, "All"],
    ["training.evalEvery", 0, "Never"],
    ["training.evalEvery", 1500, "1,500 steps"],
    ["optimizer.learningRate", 1e-7, "1e-7"],
    ["dataset.heldOut.fraction", 0.07, "7 %"],
    ["optimizer.clipNorm", 0, "Off"],
    ["model.quantization", "none", "As they are"],
    ["dataset.heldOut.kind", "none", "None"],
    ["optimizer.schedule", "cosine", "Cosine"],
    ["dataset.template", "<b>x</b>", "<b>x</b>"],
    ["dataset.template", "toString", "toString"],
  ] as const)("%s: %s", (key, value, text) => {
    expect(settingText(key, value, []).text).toBe(text);
  });
});
