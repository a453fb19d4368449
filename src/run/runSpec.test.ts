import { describe, expect, it } from "vitest";
import { findSpecProblems, parseRunSpec } from "./runSpec";
import { brokenSpecs, validSpec } from "./testing/brokenSpecs";

describe("parseRunSpec", () => {
  it("takes the defaults", () => {
    expect(parseRunSpec(validSpec(), "run.json")).toEqual(validSpec());
  });

  it("gives an older run.json the defaults of what came later", () => {
    const { memoryBudget: _, model, ...older } = validSpec();
    const read = parseRunSpec({ ...older, model: { path: model.path } }, "run.json");
    expect(read).toEqual(validSpec());
    expect(read.model.quantization).toBe("none");
    expect(read.memoryBudget).toBeNull();
  });

  it.each(brokenSpecs)("names the field: $name", ({ change, field, says }) => {
    const spec = structuredClone(validSpec()) as unknown as Record<string, unknown>;
    change(spec);
    expect(() => parseRunSpec(spec, "/runs/a/run.json")).toThrow(says);
    expect(findSpecProblems(spec)[0]?.field).toBe(field);
    expect(() => parseRunSpec(spec, "/runs/a/run.json")).toThrow(/^\/runs\/a\/run\.json: [^\n]+\.$/);
  });

  it("takes samples for completion from answers, from a folder, or from both", () => {
    const withMix = (completion: unknown) => {
      const spec = validSpec();
      return parseRunSpec({ ...spec, dataset: { ...spec.dataset, completion } }, "run.json").dataset.completion;
    };
    for (const mix of [
      { share: 0.5, answers: true, folder: null },
      { share: 0.01, answers: false, folder: "/code" },
    ]) {
      expect(withMix(mix)).toEqual(mix);
    }
    expect(() => withMix({ share: 0.5, answers: false, folder: null })).toThrow(
      /^run\.json: dataset\.completion must name answers or a folder to cut samples from/,
    );
    expect(() => withMix({ share: 0.5, answers: true, folder: "code" })).toThrow(/dataset\.completion\.folder must be/);
    expect(() => withMix({ share: 1, answers: true, folder: null })).toThrow(/dataset\.completion\.share must be/);
  });

  it.each([[null], [undefined], [1], ["run"], [[]]])("refuses what is no object: %j", (value) => {
    expect(() => parseRunSpec(value, "run.json")).toThrow(
      /^run\.json: (the run|version) (is missing|must be an object)/,
    );
  });
});
