import type { TestRuns } from "../../src/protocol/evaluation";
import type { AdapterOrigin, EvaluationView } from "../../src/protocol/evaluationView";
import type { FromRunPanel, ToRunPanel } from "../../src/protocol/webview";
import { element, icon, linkButton, liveRegion, setText } from "../dom";
import { count } from "../figures";
import { t } from "../texts";
import { button, progressRing } from "../toolkit";
import { EvaluatedAnswers } from "./evaluatedAnswers";
import { evaluationSentence, evaluationTable } from "./evaluationTable";
import type { RunSection } from "./runSection";

/** Base and tuned model on held-out rows: nothing yet, going on, the report, out of date, failed. */
export class EvaluationSection implements RunSection {
  readonly element: HTMLElement;
  readonly #content = element("div", { class: "evaluation-content" });
  readonly #progress = element("div", { class: "evaluation-progress" });
  readonly #answers: EvaluatedAnswers;
  readonly #live = liveRegion();
  #shown = "";
  /** What is shown of the progress besides its figures. */
  #progressFrame = "";

  constructor(private readonly post: (message: FromRunPanel) => void) {
    this.#answers = new EvaluatedAnswers({
      load: () => post({ type: "showEvaluatedAnswers" }),
      openRow: (index) => post({ type: "openEvaluatedRow", index }),
    });
    this.element = element(
      "section",
      {
        class: "evaluation",
        hidden: true,
        testId: "evaluation",
        attributes: { "aria-labelledby": "evaluation-title" },
      },
      element("h2", { id: "evaluation-title", text: t("Evaluation") }),
      this.#content,
      this.#progress,
      this.#answers.element,
      this.#live,
    );
  }

  showHead(): void {
    // All that the section shows comes by its own messages.
  }

  receive(message: ToRunPanel): void {
    if (message.type === "evaluatedAnswers") this.#answers.show(message.answers, message.total);
    if (message.type === "evaluation") this.#show(message.view);
  }

  #show(view: EvaluationView): void {
    const { report, progress, possible, failure } = view;
    this.element.hidden = !possible && report === null && progress === null && failure === null;
    this.#showProgress(progress);
    // Built anew only where it says something else: a button must not vanish under the pointer.
    const { progress: _, ...rest } = view;
    const key = JSON.stringify([rest, progress === null]);
    if (key === this.#shown) return;
    this.#shown = key;
    const idle = possible && progress === null;
    this.#content.replaceChildren(...this.#head(view), ...this.#figures(view, idle));
    const answered = report?.instructions.answered ?? 0;
    this.#answers.element.hidden = answered === 0;
    this.#answers.setCount(answered);
  }

  #head({ adapter, failure, stale }: EvaluationView): HTMLElement[] {
    const parts: HTMLElement[] = [];
    if (adapter !== null)
      parts.push(element("p", { class: "quiet", testId: "adapter-step", text: originText(adapter) }));
    if (failure !== null) {
      parts.push(
        element(
          "p",
          { class: "message error", role: "alert", testId: "evaluation-failed" },
          icon("error"),
          element("span", { text: failure }),
        ),
      );
    }
    if (stale) {
      const text = t("The adapter has changed since: these figures are of an earlier one.");
      parts.push(
        element("p", { class: "message", testId: "evaluation-stale" }, icon("warning"), element("span", { text })),
      );
    }
    return parts;
  }

  #figures({ report, codeAllowed }: EvaluationView, idle: boolean): HTMLElement[] {
    if (report === null) {
      if (!idle) return [];
      const why = t("How does the tuned model answer instructions that it has never seen, and how did the base model?");
      return [element("p", { text: why }), element("div", { class: "actions" }, this.#evaluate(t("Evaluate")))];
    }
    const tests = this.#tests(report.tests, idle, codeAllowed);
    const open = button(t("Open report"), () => this.post({ type: "openEvaluationReport" }), {
      icon: "open-preview",
      testId: "open-evaluation-report",
    });
    return [
      element("p", { class: "sentence", testId: "evaluation-sentence", text: evaluationSentence(report) }),
      evaluationTable(report),
      ...tests,
      element("div", { class: "actions" }, ...(idle ? [this.#evaluate(t("Evaluate again"))] : []), open.element),
    ];
  }

  /** Not the page's first button: that is to use the model. */
  #evaluate(label: string): HTMLElement {
    const evaluate = () => this.post({ type: "evaluate" });
    return button(label, evaluate, { icon: "beaker", testId: "evaluate" }).element;
  }

  #tests(tests: TestRuns, idle: boolean, codeAllowed: boolean): HTMLElement[] {
    const line = (text: string, ...more: HTMLElement[]) => [
      element("p", { class: "quiet", testId: "evaluation-tests" }, element("span", { text }), " ", ...more),
    ];
    switch (tests.state) {
      case "none":
        return [];
      case "not-asked": {
        const label = codeAllowed ? t("Run the tests") : t("Run the tests…");
        const run = linkButton(label, () => this.post({ type: "evaluateWithTests" }), "run-tests");
        return line(t("{0} of the rows carry tests, which were not run.", count(tests.rows)), ...(idle ? [run] : []));
      }
      case "refused":
        return line(`${t("{0} of the rows carry tests, which were not run.", count(tests.rows))} ${tests.reason}`);
      case "run":
        if (tests.leftOut === 0) return [];
        return line(
          t(
            "{0} of {1} rows with tests are left out: their own answers fail, or no answer is needed to pass.",
            tests.leftOut,
            tests.rows,
          ),
        );
    }
  }

  #showProgress(progress: EvaluationView["progress"]): void {
    if (progress === null) {
      if (this.#progress.hasChildNodes()) setText(this.#live, t("The evaluation has ended."));
      this.#progress.replaceChildren();
      return;
    }
    const { stage, fraction, detail, note, elsewhere } = progress;
    // The share would be told at every answer.
    setText(this.#live, stageText(stage));
    const share = fraction === null ? "" : ` ${Math.floor(fraction * 100)} %`;
    const text = `${stageText(stage)}${share}${detail === null ? "" : ` · ${detail}`}`;
    // Built anew only where it says something else: Cancel must not vanish under the pointer.
    const frame = JSON.stringify([note, elsewhere]);
    const shown = this.#progress.querySelector(".stage");
    if (shown !== null && frame === this.#progressFrame) {
      if (shown.textContent !== text) shown.textContent = text;
      return;
    }
    this.#progressFrame = frame;
    const cancel = () => linkButton(t("Cancel"), () => this.post({ type: "cancelEvaluation" }), "cancel-evaluation");
    const other = () => element("span", { class: "quiet", text: t("in another window") });
    const line = element(
      "p",
      { class: "start-message", testId: "evaluating" },
      progressRing(),
      element("span", { class: "stage", text }),
      elsewhere ? other() : cancel(),
    );
    const why = note === null ? [] : [element("p", { class: "quiet", testId: "evaluation-note", text: note })];
    this.#progress.replaceChildren(line, ...why);
  }
}

/** The job speaks English. */
function stageText(stage: string): string {
  const known: Record<string, string> = {
    "Reading the run": t("Reading the run"),
    "Held-out loss": t("Held-out loss"),
    "Answering held-out instructions": t("Answering held-out instructions"),
    "Running tests": t("Running tests"),
  };
  return Object.hasOwn(known, stage) ? known[stage]! : stage;
}

function originText({ step, lastStep, early, bestStep }: AdapterOrigin): string {
  if (step !== lastStep) {
    const best = t("The adapter is that of the best checkpoint, step {0}.", count(step));
    return `${best} ${early ? t("The run ended early, at step {0}.", count(lastStep)) : ""}`.trimEnd();
  }
  const last = t("The adapter is that of the last step, {0}.", count(step));
  if (bestStep === null || bestStep === step) return last;
  return `${last} ${t("The held-out loss was lowest at step {0}.", count(bestStep))}`;
}
