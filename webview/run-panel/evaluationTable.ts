import type { EvaluationReport, ModelFigures } from "../../src/protocol/evaluation";
import { element } from "../dom";
import { loss, share } from "../figures";
import { t } from "../texts";

/** What has changed, in words: the losses, then what the answers have become. */
export function evaluationSentence({ base, tuned, instructions }: EvaluationReport): string {
  const losses = t("Held-out loss: {0} before, {1} after.", loss(base.loss), loss(tuned.loss));
  if (instructions.answered === 0) return losses;
  const parts = [t("{0} stop by themselves (before: {1})", tuned.ended.count, base.ended.count)];
  if (tuned.parses.of > 0) {
    parts.push(t("{0} of {1} parse (before: {2})", tuned.parses.count, tuned.parses.of, base.parses.count));
  }
  parts.push(t("{0} match exactly (before: {1})", tuned.exact.count, base.exact.count));
  if (tuned.passed !== null && base.passed !== null) {
    parts.push(t("{0} of {1} pass their tests (before: {2})", tuned.passed.count, tuned.passed.of, base.passed.count));
  }
  return `${losses} ${t("Of {0} answers, {1}.", instructions.answered, parts.join(", "))}`;
}

/** Base and tuned model side by side; what was not measured has no row. */
export function evaluationTable({ base, tuned }: EvaluationReport): HTMLElement {
  const row = (label: string, text: (figures: ModelFigures) => string | null) => {
    const [before, after] = [text(base), text(tuned)];
    if (before === null && after === null) return null;
    return element(
      "tr",
      {},
      element("th", { text: label, attributes: { scope: "row" } }),
      element("td", { text: before ?? "–" }),
      element("td", { text: after ?? "–" }),
    );
  };
  const head = ["", t("Base model"), t("Tuned model")].map((text) =>
    element("th", { text, attributes: { scope: "col" } }),
  );
  return element(
    "table",
    { class: "comparison", testId: "evaluation-table" },
    element("thead", {}, element("tr", {}, ...head)),
    element(
      "tbody",
      {},
      row(t("Held-out loss"), (figures) => loss(figures.loss)),
      row(t("Perplexity"), (figures) => perplexity(figures.loss)),
      row(t("Stops by itself"), ({ ended }) => share(ended)),
      row(t("Python parses"), ({ parses }) => share(parses)),
      row(t("Exact match"), ({ exact }) => share(exact)),
      row(t("Edit similarity"), ({ similarity }) => similarity?.toFixed(2) ?? null),
      row(t("Tests pass (pass@1)"), ({ passed }) => (passed === null ? null : share(passed))),
      row(t("Tokens an answer"), ({ tokens }) => tokens?.toFixed(0) ?? null),
    ),
  );
}

function perplexity(value: number): string {
  const shown = Math.exp(value);
  return shown < 1e6 ? shown.toFixed(2) : shown.toExponential(2);
}
