import type { FromRunPanel, RunDetails, RunHead } from "../../src/protocol/webview";
import { element, icon, linkButton } from "../dom";
import { change, count, loss } from "../figures";
import { t } from "../texts";
import { button, progressRing } from "../toolkit";
import { goToTryIt } from "./tryIt";

export type { RunHead };
export type Exporting =
  | { kind: "no" }
  | { kind: "under-way"; stage: string; fraction: number | null }
  | { kind: "failed"; message: string };

/** How the run has ended, in a sentence and a table, and the one thing to do next. */
export function outcome(
  head: RunHead,
  details: RunDetails,
  /** Whether the held-out rows were looked at after training began. */
  measured: boolean,
  exporting: Exporting,
  post: (message: FromRunPanel) => void,
): HTMLElement {
  const parts: (HTMLElement | null)[] = [];
  if (head.state === "finished") parts.push(finishedSentence(head, details), comparison(head));
  if (head.state === "stopped") parts.push(stoppedSentence(head), measured ? comparison(head) : null);
  if (head.state === "failed") parts.push(failedSentence(head));
  if (head.state === "queued") parts.push(element("p", { class: "sentence", text: t("The run has not started yet.") }));
  parts.push(actions(head, exporting, post));
  return element("section", { class: `outcome ${head.state}`, testId: "outcome" }, ...parts);
}

function finishedSentence(head: RunHead, details: RunDetails): HTMLElement {
  return element("p", { class: "sentence", testId: "outcome-sentence", text: finishedText(head, details) });
}

export function finishedText({ evalLossBefore: before, evalLoss: after }: RunHead, details: RunDetails): string {
  if (before === null || after === null) {
    return t("The run has finished. No rows were held out, so there is no loss before and after to compare.");
  }
  const rows = details.data === null ? "" : ` ${t("on {0} held-out rows", count(details.data.evalRows))}`;
  const percent = change(before, after);
  if (percent < 0) {
    return t("Eval loss{0} fell from {1} to {2}, {3} % lower.", rows, loss(before), loss(after), -percent);
  }
  return t(
    "Eval loss{0} did not fall: {1} before, {2} after. More rows or more passes may help.",
    rows,
    loss(before),
    loss(after),
  );
}

function stoppedSentence({ step, totalSteps, checkpointStep }: RunHead): HTMLElement {
  const kept =
    checkpointStep === null
      ? t("No checkpoint was written.")
      : t("The checkpoint of step {0} is kept.", count(checkpointStep));
  const text = `${t("Stopped at step {0} of {1}.", count(step), count(totalSteps))} ${kept}`;
  return element("p", { class: "sentence", testId: "outcome-sentence", text });
}

function failedSentence({ cause, checkpointStep }: RunHead): HTMLElement {
  const kept = checkpointStep === null ? "" : ` ${t("The checkpoint of step {0} is kept.", count(checkpointStep))}`;
  // The engine's own sentence may say so already.
  const said = cause ?? t("The run failed; the log says more.");
  const text = /checkpoint/i.test(said) ? said : said + kept;
  return element(
    "p",
    { class: "message error", role: "alert", testId: "outcome-sentence" },
    icon("error"),
    element("span", { text }),
  );
}

function comparison({ evalLossBefore: before, evalLoss: after }: RunHead): HTMLElement | null {
  if (before === null || after === null) return null;
  const cells = (...texts: string[]) => texts.map((text) => element("td", { text }));
  const head = ["", t("Before"), t("After"), t("Change")].map((text) =>
    element("th", { text, attributes: { scope: "col" } }),
  );
  const row = (label: string, from: number, to: number, digits: number) =>
    element(
      "tr",
      {},
      element("th", { text: label, attributes: { scope: "row" } }),
      ...cells(from.toFixed(digits), to.toFixed(digits), `${signed(change(from, to))} %`),
    );
  return element(
    "table",
    { class: "comparison", testId: "comparison" },
    element("thead", {}, element("tr", {}, ...head)),
    element(
      "tbody",
      {},
      row(t("Held-out loss"), before, after, 3),
      row(t("Perplexity"), Math.exp(before), Math.exp(after), 2),
    ),
  );
}

function signed(value: number): string {
  return value > 0 ? `+${value}` : String(value).replace("-", "−");
}

function actions(head: RunHead, exporting: Exporting, post: (message: FromRunPanel) => void): HTMLElement {
  const send = (message: FromRunPanel) => () => post(message);
  const { state, inUse } = head;
  const usable = state === "finished" || state === "stopped";
  const row: (HTMLElement | null)[] = [];
  const useButton = (primary: boolean) => {
    const made = button(t("Use for completion"), send({ type: "useForCompletion" }), {
      primary,
      icon: "sparkle",
      testId: "use-for-completion",
    });
    made.setDisabled(exporting.kind === "under-way");
    return made.element;
  };
  if (state === "failed" || state === "stopped" || state === "queued") {
    const label = state === "queued" ? t("Start") : t("Resume");
    row.push(
      button(label, send({ type: "resume" }), { primary: true, icon: "debug-continue", testId: "resume" }).element,
    );
  }
  if (usable && inUse) {
    row.push(
      element("span", { class: "in-use", testId: "in-use" }, icon("sparkle"), t("In use: type in a Python file")),
      button(t("Stop using"), send({ type: "stopUsing" }), { testId: "stop-using" }).element,
    );
  } else if (usable) row.push(useButton(state === "finished"));
  if (usable) row.push(button(t("Try it"), goToTryIt, { testId: "go-to-try-it" }).element);
  row.push(button(t("Run again with changes"), send({ type: "runAgain" }), { testId: "run-again" }).element);
  if (state !== "queued") {
    row.push(button(t("Compare…"), send({ type: "compare" }), { testId: "compare-runs" }).element);
    row.push(button(t("Export…"), send({ type: "export" }), { testId: "export-run" }).element);
  }
  if (state === "failed") row.push(linkButton(t("Show log"), send({ type: "showLog" }), "show-log"));
  return element(
    "div",
    { class: "actions-block" },
    element("div", { class: "actions" }, ...row),
    exportState(exporting, send({ type: "cancelExport" })),
  );
}

function exportState(exporting: Exporting, cancel: () => void): HTMLElement | null {
  switch (exporting.kind) {
    case "no":
      return null;
    case "under-way": {
      const share = exporting.fraction === null ? "" : ` ${Math.round(exporting.fraction * 100)} %`;
      return element(
        "p",
        { class: "start-message", testId: "exporting" },
        progressRing(),
        element("span", { class: "stage", text: exporting.stage + share }),
        linkButton(t("Cancel"), cancel, "cancel-export"),
      );
    }
    case "failed":
      return element(
        "p",
        { class: "message error", role: "alert", testId: "export-failed" },
        icon("error"),
        element("span", { text: exporting.message }),
      );
  }
}
