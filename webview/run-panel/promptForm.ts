import type { ToSamples } from "../../src/protocol/samplesView";
import { element, icon, setText } from "../dom";
import { t } from "../texts";
import { type Button, button } from "../toolkit";
import type { KeptPage } from "./keptPage";

type Pinning = Extract<ToSamples, { type: "pinning" }>;

/** A prompt that is typed to be pinned; folded away until it is asked for. */
export class PromptForm {
  readonly element: HTMLElement;
  readonly opener: HTMLElement;
  readonly #field: HTMLTextAreaElement;
  readonly #pin: Button;
  readonly #error = element("p", { class: "message error", role: "alert", hidden: true, testId: "pin-failed" });
  /** What a `done` is the answer to; another's prompt leaves what is typed alone. */
  #sent: string | null = null;

  constructor(
    private readonly onPin: (instruction: string) => void,
    private readonly kept: KeptPage,
  ) {
    this.#field = element("textarea", { testId: "pin-instruction", attributes: { rows: "3" } });
    this.#field.value = kept.state.pinning;
    this.#field.addEventListener("input", () => {
      this.#keep();
      this.#enable();
    });
    this.#field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#close();
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#submit();
    });
    const opener = button(t("Add prompt…"), () => this.#open(), { icon: "add", testId: "add-prompt" });
    this.opener = opener.element;
    this.#pin = button(t("Pin"), () => this.#submit(), { icon: "pin", testId: "pin" });
    const cancel = button(t("Cancel"), () => this.#close());
    this.element = element(
      "div",
      { class: "prompt-form", hidden: kept.state.pinning === "" },
      element("label", { class: "ask-field" }, element("span", { text: t("Instruction") }), this.#field),
      element("div", { class: "actions" }, this.#pin.element, cancel.element),
      this.#error,
    );
    this.#enable();
  }

  show(message: Pinning): void {
    this.#pin.setText(message.state === "busy" ? t("Pinning…") : t("Pin"));
    this.#error.hidden = message.state !== "failed";
    if (message.state === "busy") {
      this.#pin.setDisabled(true);
      return;
    }
    if (message.state === "failed") {
      this.#error.replaceChildren(icon("error"), element("span", { text: message.message }));
      this.element.hidden = false;
    } else if (this.#sent !== null && this.#field.value === this.#sent) {
      this.#field.value = "";
      this.#close();
    }
    this.#sent = null;
    this.#enable();
  }

  #open(): void {
    this.element.hidden = false;
    this.#keep();
    this.#enable();
    this.#field.focus();
  }

  #close(): void {
    const focused = this.element.contains(document.activeElement);
    this.element.hidden = true;
    this.#keep();
    this.#error.hidden = true;
    setText(this.#error, "");
    if (focused) this.opener.focus();
  }

  /** A form that was closed comes back closed. */
  #keep(): void {
    this.kept.keep({ pinning: this.element.hidden ? "" : this.#field.value });
  }

  #enable(): void {
    this.#pin.setDisabled(this.#field.value.trim() === "");
  }

  #submit(): void {
    if (this.#field.value.trim() === "") return;
    this.#sent = this.#field.value;
    this.onPin(this.#field.value);
  }
}
