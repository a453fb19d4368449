import { describe, expect, it } from "vitest";
import { parseEvaluationNote } from "./evaluationMessages";
import { parseFromRunPanel } from "./messages";

describe("what the evaluation's section sends", () => {
  it.each(["evaluate", "evaluateWithTests", "cancelEvaluation", "openEvaluationReport", "showEvaluatedAnswers"])(
    "may be %s",
    (type) => expect(parseFromRunPanel({ type })).toEqual({ type }),
  );

  it.each([
    ["no index", {}],
    ["a negative one", { index: -1 }],
    ["half of one", { index: 0.5 }],
    ["a path", { index: "../../etc/passwd" }],
  ])("names an answer by its place, not by %s", (_name, rest) => {
    expect(parseFromRunPanel({ type: "openEvaluatedRow", index: 3 })).toEqual({ type: "openEvaluatedRow", index: 3 });
    expect(parseFromRunPanel({ type: "openEvaluatedRow", ...rest })).toBeUndefined();
  });
});

it("takes a note of the job's for that, and nothing else", () => {
  expect(parseEvaluationNote({ note: "The GPU is taken." })).toBe("The GPU is taken.");
  for (const other of [null, "note", {}, { note: 1 }]) expect(parseEvaluationNote(other)).toBeUndefined();
});
