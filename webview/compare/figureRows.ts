import type { ComparedRun } from "../../src/protocol/compareView";
import type { ModelFigures } from "../../src/protocol/evaluation";
import { element, icon } from "../dom";
import { change, compact, count, duration, loss, memory, share } from "../figures";
import { stateIcon, stateText } from "../runState";
import { t } from "../texts";
import type { Cell, Row } from "./runTable";

/** A run with the held-out loss that was measured after training began. */
export interface MeasuredRun {
  run: ComparedRun;
  evalLossAfter: number | null;
}

/** What the runs have come to, a row a figure; the lowest held-out loss stands out where they can be compared. */
export function figureRows(runs: readonly MeasuredRun[], comparable: boolean): Row[] {
  const row = (label: string, cell: (run: ComparedRun, after: number | null) => string | Cell): Row => ({
    label,
    cells: runs.map(({ run, evalLossAfter }) => {
      const made = cell(run, evalLossAfter);
      return typeof made === "string" ? { content: [made] } : made;
    }),
  });
  const lowest = comparable && runs.length > 1 ? Math.min(...runs.map((run) => run.evalLossAfter ?? Infinity)) : null;
  return [
    row(t("State"), stateCell),
    row(t("Held-out loss before"), (run) => loss(run.evalLossBefore)),
    row(t("Held-out loss after"), (run, after) => afterCell(run, after, after !== null && after === lowest)),
    row(t("Perplexity before"), (run) => perplexity(run.evalLossBefore)),
    row(t("Perplexity after"), (_run, after) => perplexity(after)),
    ...evaluationRows(runs, row),
    row(t("Rows trained on"), ({ data }) => (data === null ? "–" : count(data.trainRows))),
    row(t("Rows held out"), ({ data }) => (data === null ? "–" : count(data.evalRows))),
    row(t("Steps"), ({ step, totalSteps }) => (totalSteps === 0 ? "–" : `${count(step)} / ${count(totalSteps)}`)),
    row(t("Tokens"), ({ trained }) => (trained === null ? "–" : compact(trained.tokens))),
    row(t("Time"), ({ trained }) => duration(trained?.seconds ?? null)),
    row(t("Tokens/s"), ({ tokensPerSecond }) => (tokensPerSecond === null ? "–" : count(tokensPerSecond))),
    row(t("Peak memory"), memoryText),
    row(t("Device"), ({ device, deviceName }) => deviceName ?? (device === "cpu" ? t("CPU") : (device ?? "–"))),
    row(t("Started"), ({ createdAt }) => dateText(createdAt)),
  ];
}

type MakeRow = (label: string, cell: (run: ComparedRun) => string | Cell) => Row;

/** What the evaluations of the tuned models found: rows for what any of them measured. */
function evaluationRows(runs: readonly MeasuredRun[], row: MakeRow): Row[] {
  const figures: [string, (tuned: ModelFigures) => string | null][] = [
    [t("Stops by itself"), ({ ended }) => share(ended)],
    [t("Python parses"), ({ parses }) => share(parses)],
    [t("Exact match"), ({ exact }) => share(exact)],
    [t("Edit similarity"), ({ similarity }) => similarity?.toFixed(2) ?? null],
    [t("Tests pass (pass@1)"), ({ passed }) => (passed === null ? null : share(passed))],
  ];
  const measured = figures.filter(([, text]) =>
    runs.some(({ run: { evaluation } }) => evaluation !== null && text(evaluation.tuned) !== null),
  );
  return measured.map(([label, text]) => row(label, ({ evaluation }) => evaluationCell(evaluation, text)));
}

function evaluationCell(
  evaluation: ComparedRun["evaluation"],
  text: (tuned: ModelFigures) => string | null,
): string | Cell {
  const shown = evaluation === null ? null : text(evaluation.tuned);
  if (evaluation === null || shown === null) return "–";
  if (!evaluation.stale) return shown;
  const sign = element("span", { class: "for-screen-readers", text: t("of an earlier adapter") });
  return { content: [shown, " ", icon("warning"), sign], title: t("Of an earlier adapter: evaluate the run again.") };
}

function stateCell({ state, cause }: ComparedRun): Cell {
  const words = element(
    "span",
    { class: "state", attributes: { "data-state": state } },
    stateIcon(state),
    stateText(state),
  );
  return { content: [words], ...(cause === null ? {} : { title: cause }) };
}

function afterCell({ evalLossBefore: before }: ComparedRun, after: number | null, best: boolean): Cell {
  const content: (Node | string)[] = [loss(after)];
  if (before !== null && after !== null)
    content.push(" ", element("span", { class: "quiet", text: changeText(before, after) }));
  if (best) content.push(" ", icon("star-full"), element("span", { class: "for-screen-readers", text: t("lowest") }));
  return { content, best, ...(best ? { title: t("The lowest of these runs") } : {}) };
}

function changeText(before: number, after: number): string {
  const percent = change(before, after);
  return t("{0} %", percent > 0 ? `+${percent}` : String(percent).replace("-", "−"));
}

function perplexity(value: number | null): string {
  if (value === null) return "–";
  const shown = Math.exp(value);
  return shown < 1e6 ? shown.toFixed(2) : shown.toExponential(2);
}

/** Until it has been measured, what the plan said. */
function memoryText({ memory: taken }: ComparedRun): string {
  if (taken === null) return "–";
  return taken.used === null ? t("about {0}", memory(taken.forecast)) : memory(taken.used);
}

function dateText(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "–";
  return date.toLocaleString(document.documentElement.lang || "en", { dateStyle: "medium", timeStyle: "short" });
}
