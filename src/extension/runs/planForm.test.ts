import { describe, expect, it } from "vitest";
import { RUN_VERSION, type RunSpec } from "../../protocol/run";
import type { PlanForm } from "../../protocol/webview";
import { findSpecProblems } from "../../run/runSpec";
import { checkForm, defaultForm, formOf, markEvery, newRun, runName } from "./planForm";

const t = (message: string, ...args: string[]) => message.replace(/\{(\d)\}/g, (_, index) => args[Number(index)]!);
const form = (changes: Partial<PlanForm> = {}): PlanForm => ({
  ...defaultForm("/data/alpaca.jsonl", "/models/tiny", 1024),
  ...changes,
});
const request = {
  dataset: "/data/alpaca.jsonl",
  choice: { format: "auto", fields: {} },
  threads: 2,
  trainTokens: null,
};
const specOf = (changes: Partial<PlanForm> = {}): RunSpec => ({
  version: RUN_VERSION,
  id: "20261122-100000-alpaca",
  createdAt: new Date(0).toISOString(),
  ...newRun(form(changes), request),
});

describe("the plan's form", () => {
  it("starts with values that are all right", () => {
    expect(checkForm(form(), t)).toEqual({});
  });

  it.each<[Partial<PlanForm>, string]>([
    [{ rank: 0 }, "Rank must be a whole number from 1 to 1,024."],
    [{ rank: 1.5 }, "Rank must be a whole number from 1 to 1,024."],
    [{ rank: Number.NaN }, "Rank must be a whole number from 1 to 1,024."],
    [{ learningRate: 2 }, "Learning rate must be a number from 1e-8 to 1."],
    [{ epochs: 0 }, "Passes over the data must be a number from 0.001 to 1,000."],
    [{ sequenceLength: 8 }, "Sequence length must be a whole number from 16 to 131,072."],
    [{ sequencesPerStep: 0 }, "Sequences per step must be a whole number from 1 to 4,096."],
    [{ warmupSteps: -1 }, "Warm-up steps must be a whole number from 0 to 1,000,000."],
    [{ heldOutPercent: 95 }, "Held-out share must be a number from 0 to 90."],
    [{ heldOutPercent: 0.01 }, "Held-out share must be 0 or at least 0.1 percent."],
    [{ seed: 2 ** 33 }, "Seed must be a whole number from 0 to 4,294,967,295."],
    [{ name: "   " }, "Name must have 1 to 80 characters."],
    [{ name: "x".repeat(81) }, "Name must have 1 to 80 characters."],
    [{ modelPath: "" }, "Choose a base model."],
  ])("says what %o may be", (changes, message) => {
    expect(Object.values(checkForm(form(changes), t))).toEqual([message]);
  });

  it("names every field that is wrong", () => {
    expect(Object.keys(checkForm(form({ rank: 0, alpha: 0 }), t)).sort()).toEqual(["alpha", "rank"]);
  });
});

describe("the run of a form", () => {
  it("is one that the engine takes, with and without held-out rows", () => {
    expect(findSpecProblems(specOf())).toEqual([]);
    expect(findSpecProblems(specOf({ heldOutPercent: 0 }))).toEqual([]);
    expect(specOf({ heldOutPercent: 0 }).dataset.heldOut).toEqual({ kind: "none" });
  });

  it("gives the form back when it is run again", () => {
    const changed = {
      quantization: "nf4" as const,
      rank: 8,
      alpha: 4,
      epochs: 2.5,
      heldOutPercent: 12.5,
      schedule: "linear" as const,
      seed: 7,
    };
    expect(formOf(specOf(changed))).toEqual(form(changed));
  });

  it("is evaluated ten times where it is short, and at least every five steps", () => {
    const short = { sequenceLength: 100, sequencesPerStep: 1, epochs: 1 };
    expect(markEvery(form(short), 30_000)).toBe(30);
    expect(markEvery(form(short), 100)).toBe(5);
    const long = newRun(form(short), { ...request, trainTokens: 1e9 }).training;
    expect(long.evalEvery).toBe(newRun(form(), request).training.evalEvery);
  });
});

it("names a run after its data set", () => {
  expect(runName("/a/b/alpaca.v2.jsonl")).toBe("alpaca.v2");
  expect(runName("/a/.jsonl")).toBe("run");
  expect(runName(`/a/${"x".repeat(200)}.jsonl`)).toHaveLength(80);
});
