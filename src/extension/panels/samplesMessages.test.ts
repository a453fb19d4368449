import { describe, expect, it } from "vitest";
import { parseFromRunPanel } from "./messages";
import { parseRowLosses } from "./rowsMessages";
import { parseAskPart, parseSampleReport } from "./samplesMessages";

describe("what the page may send of samples and rows", () => {
  it.each([
    { type: "addSample", instruction: "Do." },
    { type: "removeSample", id: "row-0-7" },
    { type: "ask", instruction: "Do\nthis." },
    { type: "stopAsking" },
    { type: "showStepRows", step: 3 },
    { type: "openRunRow", list: "worst", source: 0, row: 7 },
    { type: "copyRowLosses" },
    { type: "saveRowLosses" },
  ])("is $type", (message) => {
    expect(parseFromRunPanel(message)).toEqual(message);
  });

  it.each([
    { type: "addSample", instruction: "  " },
    { type: "addSample", instruction: "x".repeat(20_001) },
    { type: "removeSample", id: "../run.json" },
    { type: "removeSample", id: "--add=x" },
    { type: "ask" },
    { type: "showStepRows", step: 0 },
    { type: "showStepRows", step: 1.5 },
    { type: "openRunRow", list: "other", source: 0, row: 7 },
    { type: "openRunRow", list: "worst", source: -1, row: 7 },
    { type: "openRunRow", list: "worst", source: 0, row: 0 },
  ])("is not %j", (message) => {
    expect(parseFromRunPanel(message)).toBeUndefined();
  });

  it("holds no NUL, which no argument can", () => {
    expect(parseFromRunPanel({ type: "ask", instruction: "a\0b" })).toEqual({ type: "ask", instruction: "ab" });
  });
});

it("takes no results of jobs that are of another shape", () => {
  expect(() => parseSampleReport({ samples: [{ id: "x" }], problem: null })).toThrow();
  expect(() => parseRowLosses({ pass: 1 })).toThrow();
  expect(parseAskPart({ type: "piece", piece: { base: true, from: -1, text: "", tokens: 0 } })).toBeUndefined();
  expect(parseAskPart("hello")).toBeUndefined();
});
