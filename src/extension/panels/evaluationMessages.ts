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

const noted = v.object({ note: v.string() });

/** Why an evaluation does not compute where one would expect it, as its job says; undefined: it says something else. */
export function parseEvaluationNote(value: unknown): string | undefined {
  const parsed = v.safeParse(noted, value);
  return parsed.success ? parsed.output.note : undefined;
}
