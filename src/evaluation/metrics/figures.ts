import type { ModelAnswer, ModelFigures, Share } from "../../protocol/evaluation";

/** What one model's answers come to. */
export function figuresOf(answers: readonly ModelAnswer[], loss: number): ModelFigures {
  const tested = answers.filter(({ passed }) => passed !== null);
  return {
    loss,
    ended: share(answers, ({ ended }) => ended),
    parses: share(
      answers.filter((answer) => answer.parses !== null),
      (answer) => answer.parses === true,
    ),
    exact: share(answers, ({ exact }) => exact),
    similarity: mean(answers.map(({ similarity }) => similarity)),
    tokens: mean(answers.map(({ tokens }) => tokens)),
    passed: tested.length === 0 ? null : share(tested, ({ passed }) => passed === true),
  };
}

function share<T>(all: readonly T[], fits: (item: T) => boolean): Share {
  return { count: all.filter(fits).length, of: all.length };
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
