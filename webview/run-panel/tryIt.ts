import type { AnswerPiece, Trial, TriedAnswer } from "../../src/protocol/samplesView";
import type { FromRunPanel, ToRunPanel } from "../../src/protocol/webview";
import { element, icon, liveRegion, setText } from "../dom";
import { count } from "../figures";
import { t } from "../texts";
import { type Button, button, progressRing } from "../toolkit";
import { answerEnd, plainAnswer, renderedPrompt } from "./answerView";
import type { KeptPage } from "./keptPage";
import type { RunHead } from "./outcome";
import type { RunSection } from "./runSection";
import "./samples.css";

const FIELD_ID = "try-it-instruction";

/** To where an instruction is typed, further down the page. */
export function goToTryIt(): void {
  document.getElementById(FIELD_ID)?.focus();
}

/** An instruction that is typed, answered by the base model and by the tuned one, side by side, as the tokens come. */
export class TryIt implements RunSection {
  readonly element: HTMLElement;
  #trial: Trial | null = null;
  readonly #field: HTMLTextAreaElement;
  readonly #ask: Button;
  readonly #stop: Button;
  readonly #pin: Button;
  readonly #busy = element("span", { class: "counting", hidden: true }, progressRing());
  readonly #message = element("div");
  readonly #answers = element("div", { class: "answers" });
  readonly #prompt = element("div");
  readonly #live = liveRegion();
  readonly #columns = new Map<boolean, AnswerColumn>();

  constructor(
    private readonly post: (message: FromRunPanel) => void,
    kept: KeptPage,
  ) {
    this.#field = element("textarea", { id: FIELD_ID, testId: "ask-instruction", attributes: { rows: "3" } });
    this.#field.value = kept.state.asking;
    this.#field.addEventListener("input", () => {
      kept.keep({ asking: this.#field.value });
      this.#enable();
    });
    this.#field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        this.#onAsk();
      }
    });
    this.#ask = button(t("Ask"), () => this.#onAsk(), { icon: "comment", testId: "ask" });
    this.#ask.element.title = t("Ctrl+Enter");
    this.#stop = button(t("Stop answering"), () => post({ type: "stopAsking" }), {
      icon: "debug-stop",
      testId: "stop-asking",
    });
    this.#pin = button(t("Pin as sample"), () => post({ type: "addSample", instruction: this.#trial!.instruction }), {
      icon: "pin",
      testId: "pin-trial",
    });
    this.element = element(
      "section",
      { class: "try-it", testId: "try-it", attributes: { "aria-labelledby": "try-title" } },
      element("h2", { id: "try-title", text: t("Try it") }),
      element("label", { class: "ask-field" }, element("span", { text: t("Instruction") }), this.#field),
      element("div", { class: "actions" }, this.#ask.element, this.#stop.element, this.#pin.element, this.#busy),
      this.#message,
      this.#answers,
      this.#prompt,
      this.#live,
    );
    this.element.hidden = true;
    this.#show();
  }

  showHead(head: RunHead): void {
    this.element.hidden = head.state === "queued" || head.state === "preparing";
  }

  receive(message: ToRunPanel): void {
    if (message.type === "trialPiece") this.#grow(message.piece);
    if (message.type !== "trial") return;
    this.#trial = message.trial;
    if (this.#field.value === "") this.#field.value = message.trial.instruction;
    this.#show();
  }

  #onAsk(): void {
    const instruction = this.#field.value;
    if (instruction.trim() === "" || this.#trial?.state === "answering") return;
    this.post({ type: "ask", instruction });
  }

  #enable(): void {
    this.#ask.setDisabled(this.#field.value.trim() === "" || this.#trial?.state === "answering");
  }

  #show(): void {
    const trial = this.#trial;
    const answering = trial?.state === "answering";
    this.#enable();
    this.#stop.element.hidden = !answering;
    this.#busy.hidden = !answering;
    this.#pin.element.hidden = trial === null || answering || trial.state === "failed";
    this.#showMessage(trial);
    this.#showAnswers(trial);
    const shown = this.#prompt.querySelector("pre")?.textContent ?? "";
    if (trial === null || trial.prompt === "") this.#prompt.replaceChildren();
    else if (shown !== trial.prompt) this.#prompt.replaceChildren(renderedPrompt(trial.prompt));
    setText(this.#live, spoken(trial));
  }

  #showMessage(trial: Trial | null): void {
    if (trial?.state === "failed") {
      this.#message.replaceChildren(
        element(
          "p",
          { class: "message error", role: "alert", testId: "ask-failed" },
          icon("error"),
          element("span", { text: trial.message }),
        ),
      );
    } else if (trial !== null && trial.note !== "") {
      this.#message.replaceChildren(
        element("p", { class: "quiet", testId: "ask-note" }, icon("info"), ` ${trial.note}`),
      );
    } else this.#message.replaceChildren();
  }

  #showAnswers(trial: Trial | null): void {
    const answers = trial?.answers ?? [];
    for (const [base, column] of this.#columns) {
      if (answers.some((answer) => answer.base === base)) continue;
      column.element.remove();
      this.#columns.delete(base);
    }
    for (const answer of answers) {
      let column = this.#columns.get(answer.base);
      if (column === undefined) {
        column = new AnswerColumn(answer.base);
        this.#columns.set(answer.base, column);
        this.#answers.append(column.element);
      }
      column.show(answer, trial!);
    }
  }

  #grow(piece: AnswerPiece): void {
    const answer = this.#trial?.answers.find(({ base }) => base === piece.base);
    if (answer === undefined) return;
    answer.text = answer.text.slice(0, piece.from) + piece.text;
    answer.tokens = piece.tokens;
    this.#columns.get(piece.base)?.show(answer, this.#trial!);
  }
}

function spoken(trial: Trial | null): string {
  if (trial?.state === "answering") return t("Answering…");
  return trial?.state === "answered" ? t("The answers are complete.") : "";
}

class AnswerColumn {
  readonly element: HTMLElement;
  readonly #title = element("h3");
  readonly #text: HTMLElement;
  readonly #end = element("p", { class: "answer-foot" });

  constructor(base: boolean) {
    this.#text = element("pre", { class: "answer", testId: base ? "answer-base" : "answer-tuned" });
    this.element = element("div", { class: "answer-column" }, this.#title, this.#text, this.#end);
  }

  show({ base, text, tokens, ended, seconds }: TriedAnswer, trial: Trial): void {
    const tuned = trial.step === null ? t("Tuned model") : t("Tuned model, step {0}", count(trial.step));
    setText(this.#title, base ? t("Base model") : tuned);
    const waiting = trial.state === "answering" && ended === null;
    this.#text.setAttribute("aria-busy", String(waiting));
    if (waiting && text === "") this.#text.replaceChildren(element("span", { class: "quiet", text: t("Waiting…") }));
    else if (this.#text.textContent !== text || text === "") this.#text.replaceChildren(...plainAnswer(text));
    this.#end.replaceChildren();
    if (ended !== null) this.#end.append(answerEnd(tokens, ended));
    if (seconds !== null && seconds > 0) {
      this.#end.append(element("span", { class: "quiet", text: t("{0} tokens/s", (tokens / seconds).toFixed(1)) }));
    }
    if (ended === null && trial.state === "stopped") {
      this.#end.append(element("span", { class: "quiet", text: t("stopped") }));
    }
  }
}
