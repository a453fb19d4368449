import type { PinnedSample } from "../../src/protocol/samplesView";
import { element, icon, setText } from "../dom";
import { count } from "../figures";
import { t } from "../texts";
import { button } from "../toolkit";
import { answerEnd, comparedAnswer, plainAnswer, renderedPrompt } from "./answerView";

export interface SampleLook {
  compares: boolean;
  /** The run goes on. */
  active: boolean;
}

/** What is done with one sample; its `step` is where it begins. */
interface SampleUse {
  step: number | null;
  onStep(step: number | null): void;
  onRemove(): void;
}

/** One pinned prompt with its answers by step. */
export class SampleCard {
  readonly element: HTMLElement;
  #sample: PinnedSample;
  #compares: boolean;
  #active: boolean;
  /** The step that is looked at; null: the newest, whichever that becomes. */
  #step: number | null;
  readonly #which = element("span", { class: "sample-step", testId: "sample-step" });
  readonly #slider: HTMLInputElement;
  readonly #earlier: ReturnType<typeof button>;
  readonly #later: ReturnType<typeof button>;
  readonly #stepper: HTMLElement;
  readonly #answer = element("pre", { class: "answer", testId: "sample-answer" });
  readonly #end = element("span");
  readonly #note = element("p", { class: "quiet" });
  readonly #base: HTMLDetailsElement;
  readonly #baseText = element("pre", { class: "answer", testId: "sample-base" });

  constructor(
    sample: PinnedSample,
    view: SampleLook,
    private readonly use: SampleUse,
  ) {
    this.#sample = sample;
    this.#step = use.step;
    this.#compares = view.compares;
    this.#active = view.active;
    this.#slider = element("input", { testId: "sample-slider" });
    this.#slider.type = "range";
    this.#slider.min = "0";
    this.#slider.setAttribute("aria-label", t("Step of the answer"));
    this.#slider.addEventListener("input", () => this.#choose(Number(this.#slider.value)));
    this.#earlier = button(t("Earlier"), () => this.#move(-1), { icon: "chevron-left", testId: "sample-earlier" });
    this.#later = button(t("Later"), () => this.#move(1), { icon: "chevron-right", testId: "sample-later" });
    this.#stepper = element("span", { class: "stepper" }, this.#earlier.element, this.#slider, this.#later.element);
    this.#base = element("details", {}, element("summary", { text: t("Base model's answer") }), this.#baseText);
    const remove = button(t("Remove"), () => use.onRemove(), { icon: "close", testId: "sample-remove" });
    remove.element.setAttribute("aria-label", t("Remove the prompt {0}", sample.instruction.slice(0, 80)));
    this.element = element(
      "article",
      { class: "sample", testId: "sample", attributes: { "data-prompt": sample.id } },
      element(
        "div",
        { class: "sample-head" },
        element("h3", { class: "instruction", text: sample.instruction }),
        remove.element,
      ),
      element("div", { class: "actions" }, this.#which, this.#stepper, this.#end),
      this.#answer,
      this.#note,
      this.#base,
      renderedPrompt(sample.text),
    );
    this.#show();
  }

  show(sample: PinnedSample, view: SampleLook): void {
    this.#sample = sample;
    this.#compares = view.compares;
    this.#active = view.active;
    this.#show();
  }

  #move(by: number): void {
    this.#choose(this.#index() + by);
  }

  #choose(index: number): void {
    const { answers } = this.#sample;
    const chosen = answers[Math.max(0, Math.min(answers.length - 1, index))];
    this.#step = chosen === answers.at(-1) ? null : (chosen?.step ?? null);
    this.use.onStep(this.#step);
    this.#show();
  }

  /** Of the answer that is looked at. */
  #index(): number {
    const { answers } = this.#sample;
    const index = this.#step === null ? -1 : answers.findIndex(({ step }) => step === this.#step);
    return index < 0 ? answers.length - 1 : index;
  }

  #show(): void {
    const { answers, base } = this.#sample;
    const index = this.#index();
    const shown = answers[index] ?? null;
    this.#stepper.hidden = answers.length < 2;
    this.#slider.max = String(Math.max(0, answers.length - 1));
    this.#slider.value = String(index);
    this.#earlier.setDisabled(index <= 0);
    this.#later.setDisabled(index >= answers.length - 1);
    const which = shown === null ? "" : t("Step {0}", count(shown.step));
    setText(this.#which, which);
    this.#slider.setAttribute("aria-valuetext", which);
    this.#answer.hidden = shown === null;
    this.#end.replaceChildren(...(shown === null ? [] : [answerEnd(shown.tokens, shown.ended)]));
    const compared = shown !== null && base !== null && this.#compares;
    if (shown !== null) {
      this.#answer.replaceChildren(...(compared ? comparedAnswer(base.text, shown.text) : plainAnswer(shown.text)));
    }
    this.#answer.dataset.compared = String(compared);
    this.#base.hidden = base === null;
    if (base !== null) this.#baseText.replaceChildren(...plainAnswer(base.text));
    const note = this.#noteText(shown !== null, base !== null);
    this.#note.replaceChildren(...(note === "" ? [] : [icon("info"), ` ${note}`]));
    this.#note.hidden = note === "";
  }

  #noteText(answered: boolean, withBase: boolean): string {
    if (!answered) {
      return this.#active
        ? t("It is answered at the next evaluation.")
        : t("The run has ended without an answer to it; Try it asks the tuned model now.");
    }
    return !withBase && this.#compares ? t("There is no answer of the base model to compare with.") : "";
  }
}
