import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FurtherSettings, PlanForm } from "../../protocol/planForm";
import { RUN_VERSION, type RunSpec } from "../../protocol/run";
import { findSpecProblems, loraTargets } from "../../run/runSpec";
import { checkForm, defaultForm, formOf, newRun, runName } from "./planForm";

const t = (message: string, ...args: string[]) => message.replace(/\{(\d)\}/g, (_, index) => args[Number(index)]!);
const form = (changes: Partial<PlanForm> = {}): PlanForm => ({
  ...defaultForm("/data/alpaca.jsonl", "/models/tiny", 1024),
  ...changes,
});
const request = {
  dataset: "/data/alpaca.jsonl",
  choice: { format: "auto", fields: {} },
  threads: 2,
  sequences: null,
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
    [{ heldOutPercent: 95 }, "Held-out share must be a number from 0.1 to 90."],
    [{ heldOut: "file" }, "Choose a file of held-out rows."],
    [{ dropout: 1 }, "Dropout must be a number from 0 to 0.9."],
    [{ targets: [] }, "Choose at least one projection to tune."],
    [{ length: "steps", steps: 0 }, "Steps must be a whole number from 1 to 10,000,000."],
    [{ evalEvery: -1 }, "Evaluate every must be a whole number from 0 to 10,000,000."],
    [{ memoryLimit: 0 }, "Memory limit must be a number from 0.0625 to 1,048,576."],
    [{ mixture: [{ path: "/more.jsonl", format: "auto", weight: 0 }] }, "Weight must be a number from 0.01 to 100."],
    [{ completionPercent: 96 }, "Share for completion, percent, must be a number from 0 to 95."],
    [{ completionPercent: 0.5 }, "Share for completion, percent, must be 0 or at least 1."],
    [{ completionPercent: 50, completionFrom: "both" }, "Choose a folder of Python files."],
    [{ earlyStopping: true, patience: 0 }, "Early stopping after must be a whole number from 1 to 1,000."],
    [{ earlyStopping: true, heldOut: "none" }, "Early stopping goes by held-out rows: hold some out, or turn it off."],
    [
      { earlyStopping: true, evalEvery: 0 },
      "Early stopping goes by evaluations: evaluate now and then, or turn it off.",
    ],
    [
      { quantization: "nf4", device: "cpu" },
      "Weights in 4 bits need a GPU: choose another device, or leave them as they are.",
    ],
    [{ seed: 2 ** 33 }, "Seed must be a whole number from 0 to 4,294,967,295."],
    [{ name: "   " }, "Name must have 1 to 80 characters."],
    [{ name: "x".repeat(81) }, "Name must have 1 to 80 characters."],
    [{ modelPath: "" }, "Choose a base model."],
  ])("says what %o may be", (changes, message) => {
    expect(Object.values(checkForm(form(changes), t))).toEqual([message]);
  });

  it("asks nothing of what does not count", () => {
    const idle = { steps: Number.NaN, patience: 0, minDelta: -1, heldOut: "none", heldOutPercent: 99 } as const;
    expect(checkForm(form(idle), t)).toEqual({});
    expect(checkForm(form({ length: "steps", epochs: 0 }), t)).toEqual({});
  });

  it("names every field that is wrong", () => {
    expect(Object.keys(checkForm(form({ rank: 0, alpha: 0 }), t)).sort()).toEqual(["alpha", "rank"]);
  });
});

describe("the run of a form", () => {
  it("is one that the engine takes, with and without held-out rows", () => {
    expect(findSpecProblems(specOf())).toEqual([]);
    expect(findSpecProblems(specOf({ heldOut: "none" }))).toEqual([]);
    expect(specOf({ heldOut: "none" }).dataset.heldOut).toEqual({ kind: "none" });
  });

  it("keeps what only the command line can set", () => {
    const spec = specOf();
    const dataset: RunSpec["dataset"] = {
      ...spec.dataset,
      format: "alpaca",
      fields: { answer: "response" },
      template: "alpaca",
      maxTrainRows: 200,
      maxEvalRows: 20,
      heldOut: { kind: "fraction", fraction: 0.2, by: "row" },
    };
    const set: RunSpec = { ...spec, dataset, optimizer: { ...spec.optimizer, beta2: 0.95 }, threads: 2 };
    const { version: _, id: __, createdAt: ___, ...asked } = set;
    const again = formOf(set);
    const { format, fields } = again.further!;
    expect(newRun(again, { ...request, choice: { format, fields: fields! } })).toEqual(asked);
  });

  it("gives the form back when it is run again", () => {
    const defaults = defaultForm("/data/alpaca.jsonl", "/models/tiny", 1024);
    const path = fc.stringMatching(/^[a-z]{1,8}$/).map((name) => `/data/${name}.jsonl`);
    const whole = (max: number, min = 1) => fc.integer({ min, max });
    const sixteenths = (max: number) => whole(max).map((value) => value / 16);
    const forms: fc.Arbitrary<PlanForm> = fc
      .record({
        preset: fc.constant(defaults.preset),
        modelPath: fc.constant("/models/other"),
        name: fc.stringMatching(/^[a-z][a-z ]{0,20}[a-z]$/),
        weight: sixteenths(32),
        mixture: fc.array(
          fc
            .record({ path, format: fc.constantFrom("auto", "chat"), weight: sixteenths(64) }, { requiredKeys: [] })
            .map((mixed) => ({ format: "auto", weight: 1, path: "/data/a.jsonl", ...mixed })),
          { maxLength: 3 },
        ),
        completionPercent: fc.constantFrom(0, 1, 12.5, 50, 95),
        completionFrom: fc.constantFrom("answers", "folder", "both"),
        completionFolder: path,
        heldOut: fc.constantFrom("fraction", "file", "none"),
        heldOutPercent: whole(900).map((value) => value / 10),
        heldOutPath: path,
        further: fc.option<FurtherSettings>(
          fc.record({
            format: fc.constant("auto"),
            fields: fc.constant(null),
            template: fc.constantFrom<string[]>("auto", "alpaca"),
            heldOutBy: fc.constant("auto" as const),
            maxTrainRows: fc.option(whole(1000)),
            maxEvalRows: fc.constant(7),
            beta1: fc.constant(0.8),
            beta2: fc.constant(0.99),
            epsilon: fc.constant(1e-7),
          }),
        ),
        rank: whole(1024),
        alpha: sixteenths(4096),
        dropout: fc.integer({ min: 0, max: 9 }).map((value) => value / 10),
        targets: fc.subarray([...loraTargets], { minLength: 1 }),
        rankStabilised: fc.boolean(),
        learningRate: fc.double({ min: 1e-8, max: 1, noNaN: true }),
        schedule: fc.constantFrom("constant", "linear", "cosine"),
        warmupSteps: whole(1000, 0),
        weightDecay: fc.double({ min: 0, max: 1, noNaN: true }),
        clipNorm: fc.double({ min: 0, max: 10, noNaN: true }),
        length: fc.constantFrom("epochs", "steps"),
        epochs: sixteenths(64),
        steps: whole(1e7),
        sequenceLength: whole(4096, 16),
        sequencesPerStep: whole(64),
        packing: fc.boolean(),
        seed: whole(2 ** 32 - 1, 0),
        evalEvery: whole(1e7, 0),
        checkpointEvery: whole(1e7, 0),
        keepCheckpoints: whole(1000),
        earlyStopping: fc.boolean(),
        patience: whole(1000),
        minDelta: sixteenths(100),
        quantization: fc.constantFrom("none", "nf4"),
        recompute: fc.constantFrom("auto", "none", "gate-up", "block"),
        microBatch: fc.oneof(fc.constant("auto" as const), whole(64)),
        device: fc.constantFrom("auto", "cuda"),
        memoryLimit: fc.oneof(fc.constant("auto" as const), sixteenths(4096)),
      } satisfies { [K in keyof PlanForm]: fc.Arbitrary<unknown> })
      // What does not count is not kept.
      .map((made) => ({
        ...made,
        ...(made.length === "steps" ? { epochs: defaults.epochs } : { steps: defaults.steps }),
        ...(made.heldOut === "fraction" ? {} : { heldOutPercent: defaults.heldOutPercent, earlyStopping: false }),
        ...(made.heldOut === "file" ? {} : { heldOutPath: "" }),
        ...(made.completionPercent === 0 ? { completionFrom: "answers" as const } : {}),
        ...(made.completionPercent === 0 || made.completionFrom === "answers" ? { completionFolder: "" } : {}),
      }))
      .map((made) =>
        made.earlyStopping && made.evalEvery > 0
          ? made
          : { ...made, earlyStopping: false, patience: defaults.patience, minDelta: defaults.minDelta },
      );
    fc.assert(
      fc.property(forms, (made) => {
        expect(checkForm(made, t)).toEqual({});
        const spec = specOf(made);
        expect(findSpecProblems(spec)).toEqual([]);
        expect(formOf(spec)).toEqual(made);
      }),
    );
  });
});

it("names a run after its data set", () => {
  expect(runName("/a/b/alpaca.v2.jsonl")).toBe("alpaca.v2");
  expect(runName("/a/.jsonl")).toBe("run");
  expect(runName(`/a/${"x".repeat(200)}.jsonl`)).toHaveLength(80);
});
