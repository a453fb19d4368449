import { describe, expect, it } from "vitest";
import { defaultSettings } from "../run/runSpec";
import type { CommandContext, OptionValues } from "./command";
import { newRunFrom } from "./runOptions";

function context(values: OptionValues): CommandContext {
  const nothing = () => {};
  return {
    values: { data: "rows.jsonl", model: "/models/tiny", ...values },
    positionals: [],
    cwd: "/work",
    signal: new AbortController().signal,
    json: false,
    progress: nothing,
    problem: nothing,
    partial: nothing,
    result: nothing,
    print: nothing,
  };
}
const run = (values: OptionValues) => newRunFrom(context(values));

describe("the options of a new run", () => {
  it("are the defaults where none is given", () => {
    const { name, model, dataset, ...settings } = run({});
    expect(settings).toEqual(defaultSettings());
    expect([name, model.quantization, dataset.path]).toEqual(["rows", "none", "/work/rows.jsonl"]);
    expect(dataset).not.toHaveProperty("mixture");
  });

  it("mix data sets by weight", () => {
    const { dataset } = run({ mix: ["more.jsonl=2", "/data/a=b.jsonl=0.5"], weight: "1.5" });
    expect(dataset.weight).toBe(1.5);
    expect(dataset.mixture).toEqual([
      { path: "/work/more.jsonl", format: "auto", weight: 2 },
      { path: "/data/a=b.jsonl", format: "auto", weight: 0.5 },
    ]);
  });

  it("mix in samples for completion, cut from the answers unless something else is named", () => {
    const mix = (...from: string[]) => run({ "completion-share": "0.5", "completion-from": from }).dataset.completion;
    expect(run({ "completion-share": "0.25" }).dataset.completion).toEqual({
      share: 0.25,
      answers: true,
      folder: null,
    });
    expect(mix("answers")).toEqual({ share: 0.5, answers: true, folder: null });
    expect(mix("src")).toEqual({ share: 0.5, answers: false, folder: "/work/src" });
    expect(mix("src", "answers")).toEqual({ share: 0.5, answers: true, folder: "/work/src" });
    expect(run({}).dataset).not.toHaveProperty("completion");
  });

  it("leave rows unpacked where that is asked for", () => {
    expect(run({ "no-packing": true }).dataset.packing).toBe(false);
    expect(run({}).dataset).not.toHaveProperty("packing");
  });

  it("begin with a preset, and go before it", () => {
    expect(run({ preset: "quick" }).training).toMatchObject({ steps: 60, epochs: null });
    expect(run({ preset: "quick", epochs: "2" }).training).toMatchObject({ steps: null, epochs: 2 });
    expect(run({ preset: "thorough", "early-stopping": "0" })).toMatchObject({
      lora: { rank: 32, alpha: 64 },
      training: { epochs: 3, earlyStopping: null },
    });
    expect(run({ preset: "least-memory", "sequence-length": "128" })).toMatchObject({
      sequenceLength: 128,
      lora: { rank: 8, alpha: 16 },
      training: { recompute: "block", microBatch: 1 },
      model: { quantization: "none" },
    });
    expect(run({ preset: "least-memory", device: "cuda" }).model.quantization).toBe("nf4");
  });

  it("stop early after evaluations without a gain", () => {
    expect(run({ "early-stopping": "3" }).training.earlyStopping).toEqual({ patience: 3, minDelta: 0 });
    expect(run({ "early-stopping": "2:0.01" }).training.earlyStopping).toEqual({ patience: 2, minDelta: 0.01 });
  });

  it("set dropout and the adapter's scale", () => {
    const { lora } = run({ dropout: "0.05", "rank-stabilised": true, rank: "4" });
    expect(lora).toMatchObject({ dropout: 0.05, rankStabilised: true, rank: 4, alpha: 8 });
  });

  it.each<[OptionValues, string]>([
    [{ mix: ["more.jsonl"] }, '--mix must be FILE=WEIGHT with a weight from 0.01 to 100, not "more.jsonl".'],
    [{ mix: ["more.jsonl=0"] }, "--mix must be FILE=WEIGHT"],
    [{ mix: ["more.jsonl="] }, "--mix must be FILE=WEIGHT"],
    [{ mix: ["=2"] }, "--mix must be FILE=WEIGHT"],
    [{ "completion-share": "1" }, "--completion-share must be a number from 0.01 to 0.95"],
    [{ "completion-from": ["src"] }, "--completion-from goes with --completion-share."],
    [{ "completion-share": "0.5", "completion-from": ["a", "b"] }, "--completion-from takes one folder at most."],
    [{ preset: "fast" }, '--preset must be quick, standard, thorough, least-memory, not "fast".'],
    [{ "early-stopping": "x" }, "--early-stopping must be a number of evaluations"],
    [{ "early-stopping": "3:" }, "--early-stopping must be a number of evaluations"],
    [{ "early-stopping": "3:1:1" }, "--early-stopping must be a number of evaluations"],
    [{ dropout: "0.95" }, "--dropout must be a number from 0 to 0.9"],
  ])("are refused where they are wrong: %o", (values, says) => {
    expect(() => run(values)).toThrow(says);
  });
});
