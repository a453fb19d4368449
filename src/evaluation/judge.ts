import { loadPythonParser } from "../dataset/checks/python/parser";
import type { ModelAnswer } from "../protocol/evaluation";
import type { AnswerPair, RawAnswer } from "./answers";
import { editSimilarity } from "./metrics/editSimilarity";
import { isExactMatch } from "./metrics/exactMatch";
import { parses, pythonAnswers } from "./metrics/pythonAnswer";

/** Answers beside what the rows say, before any test was run. */
export interface JudgedAnswer {
  expected: string;
  python: boolean;
  base: ModelAnswer;
  tuned: ModelAnswer;
}

/** `expected[i]` is what the row of `pairs[i]` has for an answer. */
export async function judgeAnswers(
  expected: readonly string[],
  pairs: readonly AnswerPair[],
  signal?: AbortSignal,
): Promise<JudgedAnswer[]> {
  await loadPythonParser();
  const python = pythonAnswers(expected);
  const judged: JudgedAnswer[] = [];
  for (const [index, text] of expected.entries()) {
    signal?.throwIfAborted();
    const judge = (answer: RawAnswer) => judgeAnswer(answer, text, python[index]!);
    const { base, tuned } = pairs[index]!;
    judged.push({ expected: text, python: python[index]!, base: judge(base), tuned: judge(tuned) });
  }
  return judged;
}

function judgeAnswer({ text, ended, tokens }: RawAnswer, expected: string, python: boolean): ModelAnswer {
  return {
    text,
    ended,
    tokens,
    exact: isExactMatch(text, expected),
    similarity: editSimilarity(text, expected),
    parses: python ? parses(text) : null,
    passed: null,
    failure: null,
  };
}
