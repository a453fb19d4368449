import { describe, expect, it } from "vitest";
import { parseFromRunPanel } from "./messages";

describe("what the page's curves and controls send", () => {
  it.each([
    { type: "pause" },
    { type: "continue" },
    { type: "checkpoint" },
    { type: "setLearningRate", learningRate: 5e-4 },
    { type: "compare" },
    { type: "export" },
    { type: "copyCsv" },
    { type: "savePng", data: "iVBORw0KGgo=" },
    { type: "look", look: { smoothing: 7, logarithmic: true } },
  ])("is understood: $type", (message) => {
    expect(parseFromRunPanel(message)).toEqual(message);
  });

  it.each([
    { type: "setLearningRate" },
    { type: "setLearningRate", learningRate: 7 },
    { type: "setLearningRate", learningRate: 0 },
    { type: "setLearningRate", learningRate: Number.NaN },
    { type: "setLearningRate", learningRate: "1e-4" },
    { type: "savePng", data: "<svg>" },
    { type: "savePng", data: 7 },
    { type: "look", look: { smoothing: "7", logarithmic: true } },
    { type: "delete" },
  ])("is refused where it is not of the protocol: %j", (message) => {
    expect(parseFromRunPanel(message)).toBeUndefined();
  });
});
