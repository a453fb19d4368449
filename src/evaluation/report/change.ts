import type { EvaluatedAnswer, ModelAnswer } from "../../protocol/evaluation";

export interface AnswerChange {
  answer: EvaluatedAnswer;
  /** Above 0: the tuned model's answer is better than the base model's. */
  change: number;
}

/** By how much the tuned model's answer is better: passing its tests and parsing outweigh nearness to the row's text. */
export function changeOf({ base, tuned }: Pick<EvaluatedAnswer, "base" | "tuned">): number {
  return worth(tuned) - worth(base);
}

function worth({ similarity, parses, passed, ended }: ModelAnswer): number {
  return similarity + (passed === true ? 4 : 0) + (parses === true ? 1 : 0) + (ended ? 0.25 : 0);
}

/** The most improved first; answers that changed alike in their order. */
export function byChange(answers: readonly EvaluatedAnswer[]): AnswerChange[] {
  return answers.map((answer) => ({ answer, change: changeOf(answer) })).sort((a, b) => b.change - a.change);
}
