import { element, icon, setText } from "../dom";
import type { Field } from "../toolkit";

export interface FormFieldOptions {
  label: string;
  /** What it does, in a few words. */
  hint?: string;
  /** A heading above or the input itself says it already; screen readers still hear it. */
  silentLabel?: boolean;
  testId: string;
}

/** A labelled input with its hint, what its value changes, and the sentence that says what is wrong. */
export class FormField {
  readonly element: HTMLElement;
  readonly #error: HTMLElement;
  readonly #effect: HTMLElement;

  constructor(
    readonly field: Field,
    private readonly options: FormFieldOptions,
  ) {
    field.element.dataset.testid = options.testId;
    this.#error = element("div", { class: "field-error", role: "alert", testId: `${options.testId}-error` });
    this.#effect = element("div", {
      class: "field-effect",
      role: "status",
      testId: `${options.testId}-effect`,
      hidden: true,
    });
    this.element = element(
      "div",
      { class: "field" },
      element("span", {
        class: options.silentLabel ? "field-label silent" : "field-label",
        text: options.label,
        attributes: { "aria-hidden": "true" },
      }),
      field.element,
      options.hint === undefined ? null : element("div", { class: "field-hint", text: options.hint }),
      this.#effect,
      this.#error,
    );
    this.setError(undefined);
  }

  setError(message: string | undefined): void {
    const { label } = this.options;
    if (this.#error.textContent !== (message ?? "")) {
      this.#error.replaceChildren(icon("error"), element("span", { text: message ?? "" }));
    }
    this.#error.hidden = message === undefined;
    const name = message === undefined ? label : `${label}. ${message}`;
    this.field.setAccessibleName(name, message !== undefined);
  }

  /** What the present value changes in the forecast. */
  setEffect(text: string | null): void {
    setText(this.#effect, text ?? "");
    this.#effect.hidden = text === null;
  }
}
