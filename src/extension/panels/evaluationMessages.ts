import * as v from "valibot";

const bare = <const T extends string>(type: T) => v.object({ type: v.literal(type) });

/** What the evaluation's section of the page sends. */
export const fromEvaluation = [
  bare("evaluate"),
  bare("evaluateWithTests"),
  bare("cancelEvaluation"),
  bare("openEvaluationReport"),
  bare("showEvaluatedAnswers"),
  v.object({ type: v.literal("openEvaluatedRow"), index: v.pipe(v.number(), v.safeInteger(), v.minValue(0)) }),
] as const;
