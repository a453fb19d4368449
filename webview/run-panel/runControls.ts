import type { CurveMark } from "../../src/protocol/curveView";
import type { FromRunPanel, RunDetails, RunHead } from "../../src/protocol/webview";
import { short } from "../curve/seriesText";
import { element, icon, setText } from "../dom";
import { duration } from "../figures";
import { isPreparedElsewhere, preparationText } from "../runState";
import { t } from "../texts";
import { type Button, button, textField } from "../toolkit";

/** As run.json allows it. */
const LEAST_RATE = 1e-8;
const MOST_RATE = 1;

/** What can be asked of a run that is at work. */
export class RunControls {
  readonly element: HTMLElement;
  readonly #stop: Button;
  readonly #pause: Button;
  readonly #checkpoint: Button;
  readonly #change: Button;
  readonly #hint = element("span", { class: "quiet", testId: "controls-hint" });
  readonly #silenceText = element("span");
  readonly #silence: HTMLElement;
  readonly #rateForm: HTMLFormElement;
  readonly #rate = textField("", () => this.#checkRate());
  readonly #rateHint = element("span", { class: "field-hint" });
  readonly #rateError = element("span", { class: "field-error", role: "alert", hidden: true });
  #head: RunHead | undefined;
  /** Checkpoints that have been written so far: a paused run writes that of its step again. */
  #checkpoints = "";
  /** Those that there were when one more was asked for; null: none was. */
  #checkpointsBefore: string | null = null;
  #asked: "stop" | "pause" | "continue" | null = null;
  #rateNow: number | null = null;

  constructor(private readonly post: (message: FromRunPanel) => void) {
    this.#stop = button(t("Stop"), () => this.#ask("stop"), { icon: "debug-stop", testId: "stop" });
    this.#pause = button(t("Pause"), () => this.#ask(this.#paused ? "continue" : "pause"), {
      icon: "debug-pause",
      testId: "pause",
    });
    this.#checkpoint = button(t("Checkpoint now"), () => this.#askCheckpoint(), { icon: "save", testId: "checkpoint" });
    this.#change = button(t("Change learning rate…"), () => this.#openRate(), {
      icon: "settings",
      testId: "change-learning-rate",
    });
    this.#rateForm = this.#makeRateForm();
    this.#silence = this.#makeSilence();
    this.element = element(
      "div",
      { class: "actions-block", testId: "controls" },
      this.#silence,
      element(
        "div",
        { class: "actions" },
        this.#stop.element,
        this.#pause.element,
        this.#checkpoint.element,
        this.#change.element,
        this.#hint,
      ),
      this.#rateForm,
    );
  }

  show(head: RunHead, details: RunDetails, marks: readonly CurveMark[]): void {
    const before = this.#head;
    this.#head = head;
    const active = head.state === "running" || head.state === "paused" || head.state === "preparing";
    this.element.hidden = !active;
    if (before?.state !== head.state) this.#asked = null;
    this.#checkpoints = `${head.checkpointStep} ${marks.filter(({ kind }) => kind === "checkpoint").length}`;
    if (!active || this.#checkpoints !== this.#checkpointsBefore) this.#checkpointsBefore = null;
    const changed = marks.findLast(({ kind }) => kind === "learning-rate")?.text;
    this.#rateNow = changed === undefined ? details.learningRate : Number(changed);
    this.#showButtons(head.state === "preparing");
    this.#showSilence(head);
    if (!active) this.#rateForm.hidden = true;
  }

  /** What was asked for could not be done. */
  failed(): void {
    this.#asked = null;
    this.#checkpointsBefore = null;
    this.#showButtons(this.#head?.state === "preparing");
  }

  get #paused(): boolean {
    return this.#head?.state === "paused";
  }

  #showButtons(preparing: boolean): void {
    const stopping = this.#asked === "stop";
    const waiting = this.#checkpointsBefore !== null;
    const elsewhere = this.#head !== undefined && isPreparedElsewhere(this.#head);
    this.#stop.element.hidden = elsewhere;
    setText(this.#hint, this.#hintText(preparing));
    for (const { element } of [this.#pause, this.#checkpoint, this.#change]) element.hidden = preparing;
    this.#stop.setDisabled(stopping);
    this.#stop.setText(stopping ? t("Stopping…") : t("Stop"));
    this.#pause.setDisabled(this.#asked !== null);
    this.#pause.setText(this.#paused ? t("Continue") : t("Pause"));
    this.#pause.setIcon(this.#paused ? "debug-continue" : "debug-pause");
    this.#checkpoint.setDisabled(stopping || waiting);
    this.#checkpoint.setText(waiting ? t("Writing a checkpoint…") : t("Checkpoint now"));
    this.#change.setDisabled(stopping);
  }

  #hintText(preparing: boolean): string {
    // An engine that hangs keeps none.
    if (this.#head !== undefined && this.#head.silentSeconds !== null) return "";
    if (!preparing) return t("Stopping keeps a checkpoint to resume from.");
    return (this.#head && preparationText(this.#head)) ?? "";
  }

  #makeSilence(): HTMLElement {
    const end = button(t("End it…"), () => this.post({ type: "endEngine" }), { testId: "end-engine" });
    return element(
      "div",
      { class: "silence", hidden: true, testId: "silence" },
      element("p", { class: "message warning", role: "status" }, icon("warning"), this.#silenceText),
      element("div", { class: "actions" }, end.element),
    );
  }

  /** An engine whose process lives and gives no sign of life. */
  #showSilence({ silentSeconds }: RunHead): void {
    this.#silence.hidden = silentSeconds === null;
    if (silentSeconds === null) return;
    setText(this.#silenceText, t("The engine has been silent for {0}: it may hang.", duration(silentSeconds)));
  }

  #ask(type: "stop" | "pause" | "continue"): void {
    this.#asked = type;
    this.#showButtons(this.#head?.state === "preparing");
    this.post({ type });
  }

  #askCheckpoint(): void {
    this.#checkpointsBefore = this.#checkpoints;
    this.#showButtons(false);
    this.post({ type: "checkpoint" });
  }

  #makeRateForm(): HTMLFormElement {
    const set = button(t("Change"), () => this.#setRate(), { primary: true, testId: "set-learning-rate" });
    const cancel = button(t("Cancel"), () => this.#closeRate(), { testId: "cancel-learning-rate" });
    const form = element(
      "form",
      { class: "rate-form", hidden: true, testId: "learning-rate-form" },
      element(
        "div",
        { class: "field" },
        element("span", { class: "field-label", text: t("Learning rate"), attributes: { "aria-hidden": "true" } }),
        this.#rate.element,
        this.#rateHint,
        this.#rateError,
      ),
      element("div", { class: "actions" }, set.element, cancel.element),
    );
    this.#rate.element.dataset.testid = "learning-rate";
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("keydown", (event) => {
      const enters = event.key === "Enter" && event.target === this.#rate.element;
      if (event.key !== "Escape" && !enters) return;
      // The focus goes on to the button that opens the form; the key must not press it.
      event.preventDefault();
      if (enters) this.#setRate();
      else this.#closeRate();
    });
    return form;
  }

  #openRate(): void {
    const now = this.#rateNow;
    this.#rateForm.hidden = false;
    this.#rate.setValue(now === null ? "" : short(now));
    setText(
      this.#rateHint,
      t("Counts from the next step on, before schedule and warm-up; between {0} and {1}", short(LEAST_RATE), MOST_RATE),
    );
    this.#checkRate();
    this.#rate.element.focus();
  }

  #closeRate(): void {
    this.#rateForm.hidden = true;
    this.#change.element.focus();
  }

  /** The rate that was typed; null where it is none, which is said. */
  #checkRate(): number | null {
    const text = this.#rate.value().trim();
    const value = text === "" ? Number.NaN : Number(text);
    const fits = value >= LEAST_RATE && value <= MOST_RATE;
    const said = t("The learning rate must be a number between {0} and {1}.", short(LEAST_RATE), MOST_RATE);
    this.#rate.setAccessibleName(fits ? t("Learning rate") : `${t("Learning rate")}. ${said}`, !fits);
    this.#rateError.hidden = fits;
    if (!fits) this.#rateError.replaceChildren(icon("error"), element("span", { text: said }));
    return fits ? value : null;
  }

  #setRate(): void {
    const learningRate = this.#checkRate();
    if (learningRate === null) return;
    this.post({ type: "setLearningRate", learningRate });
    this.#closeRate();
  }
}
