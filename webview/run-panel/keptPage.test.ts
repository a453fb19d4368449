import { expect, it } from "vitest";
import type { RunPageState } from "../../src/protocol/webview";
import { curveLook } from "./curveLook";
import { KeptPage, runPageState } from "./keptPage";

const nothing: RunPageState = {
  curves: curveLook(undefined),
  zoom: null,
  asking: "",
  pinning: "",
  sampleSteps: [],
};

it("begins with what an earlier life of the page left", () => {
  const left: RunPageState = {
    curves: { smoothing: 7, logarithmic: true },
    zoom: { from: 10, to: 40 },
    asking: "Return the",
    pinning: "Sort",
    sampleSteps: [["a-1", 20]],
  };
  expect(runPageState(left, 100)).toEqual(left);
});

it("takes the scale and smoothing of an earlier version", () => {
  const curves = { smoothing: 2, logarithmic: true };
  expect(runPageState({ kind: "run", id: "a", curves }, 100)).toEqual({ ...nothing, curves });
});

it.each<[unknown]>([
  [undefined],
  [null],
  ["text"],
  [{ curves: null, zoom: "all", asking: 7, pinning: ["x"], sampleSteps: "a" }],
  [{ zoom: { from: 10, to: 101 } }],
  [{ zoom: { from: -1, to: 50 } }],
  [{ zoom: { from: 50, to: 50 } }],
  [{ zoom: { from: 0.5, to: Number.POSITIVE_INFINITY } }],
  [{ sampleSteps: [null, ["a"], ["a", -1], [3, 4], ["x".repeat(65), 4], ["a", 1, 2]] }],
])("takes nothing of %j", (kept) => {
  expect(runPageState(kept, 100)).toEqual(nothing);
});

it("keeps no more than could be sent, and few samples", () => {
  const long = "x".repeat(50_000);
  const sampleSteps = Array.from({ length: 500 }, (_, index) => [`${index}`, index]);
  const state = runPageState({ asking: long, pinning: long, sampleSteps }, 100);
  expect([state.asking.length, state.pinning.length, state.sampleSteps.length]).toEqual([20_000, 20_000, 64]);
  const saved: RunPageState[] = [];
  const page = new KeptPage(undefined, 100, (next) => saved.push(next));
  page.keep({ asking: long });
  page.keep({ pinning: "Sort" });
  expect(saved.at(-1)).toEqual({ ...nothing, asking: "x".repeat(20_000), pinning: "Sort" });
});
