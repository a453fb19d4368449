import { describe, expect, it } from "vitest";
import type { PlanForm } from "../../protocol/webview";
import { defaultForm } from "../runs/planForm";
import { parseForm, parseFromNowView, parseFromRunPanel, parsePanelState } from "./messages";

const form: PlanForm = {
  ...defaultForm("/data/alpaca.jsonl", "/models/tiny", 1024),
  mixture: [{ path: "/data/more.jsonl", format: "auto", weight: 2 }],
};

describe("messages of the run panel", () => {
  it("takes those of the protocol", () => {
    expect(parseFromRunPanel({ type: "ready" })).toEqual({ type: "ready" });
    expect(parseFromRunPanel({ type: "start", form })).toEqual({ type: "start", form });
    expect(parseFromRunPanel({ type: "openRow", row: 7 })).toEqual({ type: "openRow", row: 7 });
  });

  it.each([
    [{ type: "effectOf", field: "rank" }],
    [{ type: "addDataset" }],
    [{ type: "chooseCompletionFolder" }],
    [{ type: "deletePreset", id: "saved:A" }],
    [{ type: "openRow", row: 7, dataset: 1 }],
    [{ type: "openDataset" }],
  ])("takes those of the launch form: %o", (message) => {
    expect(parseFromRunPanel(message)).toEqual(message);
  });

  it("takes a number that is none for what it is", () => {
    const message = parseFromRunPanel(
      JSON.parse(JSON.stringify({ type: "start", form: { ...form, rank: Number.NaN } })),
    );
    expect(message?.type === "start" && Number.isNaN(message.form.rank)).toBe(true);
  });

  it.each([
    [null],
    ["start"],
    [{ type: "run", command: "rm" }],
    [{ type: "start" }],
    [{ type: "start", form: { ...form, rank: "16" } }],
    [{ type: "start", form: { ...form, schedule: "fast" } }],
    [{ type: "start", form: { ...form, enginePath: "/bin/sh" } }],
    [{ type: "start", form: { ...form, name: "x".repeat(5000) } }],
    [{ type: "start", form: { ...form, mixture: [{ path: "more.jsonl", format: "auto", weight: 1 }] } }],
    [{ type: "start", form: { ...form, mixture: Array(65).fill(form.mixture[0]) } }],
    [{ type: "start", form: { ...form, targets: ["lm_head"] } }],
    [{ type: "start", form: { ...form, further: { template: "alpaca" } } }],
    [{ type: "start", form: { ...form, evalEvery: "never" } }],
    [{ type: "effectOf", field: "__proto__" }],
    [{ type: "effectOf", field: "constructor" }],
    [{ type: "openDataset", dataset: -1 }],
    [{ type: "openRow", row: 0 }],
    [{ type: "openRow", row: 1.5 }],
  ])("takes nothing else: %o", (message) => {
    expect(parseFromRunPanel(message)).toBeUndefined();
  });
});

it("takes messages of the Now view with their run only", () => {
  expect(parseFromNowView({ type: "stop", id: "a" })).toEqual({ type: "stop", id: "a" });
  expect(parseFromNowView({ type: "stop" })).toBeUndefined();
  expect(parseFromRunPanel({ type: "endEngine" })).toEqual({ type: "endEngine" });
  expect(parseFromNowView({ type: "openRun", id: 3 })).toBeUndefined();
});

describe("a plan that an earlier version has kept", () => {
  const older = {
    modelPath: "/models/tiny",
    name: "alpaca",
    rank: 16,
    alpha: 32,
    learningRate: 1e-3,
    schedule: "cosine",
    warmupSteps: 10,
    epochs: 1,
    sequenceLength: 1024,
    sequencesPerStep: 4,
    heldOutPercent: 10,
    seed: 0,
  };

  it("has the defaults of what came later", () => {
    expect(parseForm(older)).toEqual({ ...form, mixture: [] });
    expect(parsePanelState({ kind: "plan", dataset: "/a.jsonl", form: older })).toMatchObject({ form: older });
    expect(parseFromRunPanel({ type: "start", form: { ...form, quantization: "int8" } })).toBeUndefined();
  });

  it("held nothing out with 0 percent", () => {
    expect(parseForm({ ...older, heldOutPercent: 0 })).toMatchObject({ heldOut: "none", heldOutPercent: 10 });
  });
});

it("takes a kept state that is whole", () => {
  expect(parsePanelState({ kind: "run", id: "a" })).toEqual({ kind: "run", id: "a" });
  const look = { smoothing: 7, logarithmic: true };
  expect(parsePanelState({ kind: "run", id: "a", curves: look })).toMatchObject({ id: "a", curves: look });
  expect(parsePanelState({ kind: "run", id: "a", curves: "wide" })?.kind).toBe("run");
  expect(parsePanelState({ kind: "plan", dataset: "/a.jsonl", form: null })).toBeDefined();
  const plan = { kind: "plan", dataset: "/a.jsonl", form: null };
  expect(parsePanelState({ ...plan, keptAt: 1 })).toEqual({ ...plan, keptAt: 1 });
  expect(parsePanelState({ ...plan, keptAt: "1" })).toBeUndefined();
  expect(parsePanelState({ kind: "plan", dataset: "/a.jsonl" })).toBeUndefined();
  expect(parsePanelState(undefined)).toBeUndefined();
});
