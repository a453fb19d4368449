import type { FromRunPanel, RunDetails, RunHead, RunState, ToRunPanel } from "../../src/protocol/webview";
import { element, icon, linkButton, liveRegion, setText } from "../dom";
import { compact, count, fileName } from "../figures";
import { stateIcon, stateText } from "../runState";
import { t } from "../texts";
import { describeDevice } from "./deviceText";
import { EvaluationSection } from "./evaluationSection";
import { FigureStrip } from "./figureStrip";
import type { KeptPage } from "./keptPage";
import { LiveCurves } from "./liveCurves";
import { NoticesSection } from "./noticesSection";
import { type Exporting, finishedText, outcome } from "./outcome";
import { RowsSection } from "./rowsSection";
import { RunControls } from "./runControls";
import type { RunSection } from "./runSection";
import { SamplesSection } from "./samplesSection";
import { TryIt } from "./tryIt";

/** In the page's order; each has its part in src/extension/panels/runSession.ts. */
const sections: ((post: (message: FromRunPanel) => void, kept: KeptPage) => RunSection)[] = [
  (post) => new EvaluationSection(post),
  (post, kept) => new SamplesSection(post, kept),
  (post, kept) => new TryIt(post, kept),
  (post) => new RowsSection(post),
];

/** Progress is told to screen readers in steps of so many percent. */
const SPOKEN_PERCENT = 10;

/** A run while it goes on and after it: figures, curve, and what can be done. */
export class RunView {
  readonly element: HTMLElement;
  readonly id: string;
  #head: RunHead;
  #details: RunDetails;
  #exporting: Exporting = { kind: "no" };
  readonly #curves: LiveCurves;
  readonly #controls: RunControls;
  readonly #figures = new FigureStrip();
  readonly #name = element("span", { testId: "run-name" });
  readonly #state = element("span", { class: "state", testId: "run-state" });
  readonly #made = element("p", { class: "quiet made" });
  readonly #device = element("p", { class: "quiet device", testId: "device", hidden: true });
  readonly #live = liveRegion();
  readonly #outcome = element("div");
  readonly #sections: RunSection[];
  readonly #failure = element("p", { class: "message error", role: "alert", hidden: true, testId: "action-failed" });
  readonly #gone = element("p", { class: "message run-gone", role: "alert", hidden: true, testId: "run-gone" });
  #shownOutcome = "";
  #spoken = "";

  constructor(
    run: RunHead,
    details: RunDetails,
    private readonly post: (message: FromRunPanel) => void,
    kept: KeptPage,
  ) {
    this.id = run.id;
    const notices = new NoticesSection(post);
    const below = sections.map((make) => make(post, kept));
    this.#sections = [notices, ...below];
    this.#head = run;
    this.#details = details;
    this.#curves = new LiveCurves(post, kept, (step) => {
      for (const section of this.#sections) section.chooseStep?.(step);
    });
    this.#controls = new RunControls((message) => {
      this.#failure.hidden = true;
      post(message);
    });
    this.element = element(
      "div",
      { class: "page run", testId: "run" },
      element("header", {}, element("h1", {}, this.#name, this.#state), this.#made, this.#device),
      this.#failure,
      this.#gone,
      notices.element,
      this.#outcome,
      this.#figures.element,
      this.#controls.element,
      this.#curves.element,
      ...below.map((section) => section.element),
      this.#live,
    );
    this.#show();
  }

  setRun(run: RunHead, details: RunDetails): void {
    this.#head = run;
    this.#details = details;
    this.#setGone(false);
    this.#show();
  }

  receive(message: ToRunPanel): void {
    this.#curves.receive(message);
    for (const section of this.#sections) section.receive(message);
    switch (message.type) {
      case "head":
        this.#head = message.head;
        if (message.head.inUse) this.#exporting = { kind: "no" };
        break;
      case "curve":
        break;
      case "gone":
        this.#setGone(true);
        return;
      case "exporting":
        this.#exporting = { kind: "under-way", stage: message.stage, fraction: message.fraction };
        break;
      case "exportFailed":
        this.#exporting = { kind: "failed", message: message.message };
        break;
      case "actionFailed":
        this.#failure.replaceChildren(icon("error"), element("span", { text: message.message }));
        this.#failure.hidden = false;
        this.#controls.failed();
        return;
      default:
        return;
    }
    this.#show();
  }

  dispose(): void {
    this.#curves.dispose();
    for (const section of this.#sections) section.dispose?.();
  }

  #show(): void {
    const head = this.#head;
    const active = isActive(head.state);
    setText(this.#name, head.name);
    this.#showState(head.state);
    this.#showMade();
    this.#showDevice(head);
    this.#figures.show(head, active);
    this.#curves.setRun(head.name, head.totalSteps);
    this.#controls.show(head, this.#details, this.#curves.model.marks);
    this.#showOutcome(active);
    for (const section of this.#sections) section.showHead(head, this.#details);
    this.#speak(active);
  }

  #showState(state: RunState): void {
    if (this.#state.dataset.state === state) return;
    // It could be done after all, or something else was.
    if (isActive(state)) this.#failure.hidden = true;
    this.#state.dataset.state = state;
    this.#state.replaceChildren(stateIcon(state), stateText(state));
  }

  /** Of a run that is gone the figures stay, without anything to press. */
  #setGone(gone: boolean): void {
    if (gone !== this.#gone.hidden) return;
    this.element.classList.toggle("gone", gone);
    this.#gone.hidden = !gone;
    const text = t("This run is no longer there: it was deleted or moved, or its folder was closed.");
    this.#gone.replaceChildren(icon("warning"), element("span", { text }));
  }

  #showMade(): void {
    const { dataset, model, rank, data } = this.#details;
    const key = JSON.stringify(this.#details);
    if (this.#made.dataset.key === key) return;
    this.#made.dataset.key = key;
    const parts = [t("base model {0}", fileName(model)), t("rank {0}", rank)];
    if (data !== null) {
      parts.unshift(t("{0} rows", count(data.trainRows)), t("{0} tokens", compact(data.tokens)));
      if (data.skipped > 0) parts.push(t("{0} skipped", count(data.skipped)));
    }
    this.#made.replaceChildren(
      linkButton(fileName(dataset), () => this.post({ type: "openDataset" }), "open-dataset"),
      ` · ${parts.join(" · ")}`,
    );
  }

  /** "NVIDIA H100 80GB HBM3 · 30.3 GB of memory, forecast 30 GB · 650 W" */
  #showDevice(head: RunHead): void {
    const text = describeDevice(head);
    setText(this.#device, text);
    this.#device.hidden = text === "";
  }

  #showOutcome(active: boolean): void {
    // Built anew only where it says something else: a button must not vanish under the pointer.
    const { state, cause, evalLoss, evalLossBefore, checkpointStep, inUse } = this.#head;
    const measured = this.#curves.model.evalLoss.lastStep > 0;
    const said = [
      active,
      state,
      cause,
      evalLoss,
      evalLossBefore,
      checkpointStep,
      inUse,
      measured,
      this.#details,
      this.#exporting,
    ];
    const key = JSON.stringify(said);
    if (key === this.#shownOutcome) return;
    this.#shownOutcome = key;
    this.#outcome.hidden = active;
    if (active) this.#outcome.replaceChildren();
    else {
      this.#outcome.replaceChildren(outcome(this.#head, this.#details, measured, this.#exporting, this.post));
    }
  }

  #speak(active: boolean): void {
    const { state, step, totalSteps, cause } = this.#head;
    let text = stateText(state);
    if (active && totalSteps > 0) {
      const percent = Math.floor(((step / totalSteps) * 100) / SPOKEN_PERCENT) * SPOKEN_PERCENT;
      text = t("{0}, {1} %", text, percent);
    }
    if (state === "finished") text = `${text}. ${finishedText(this.#head, this.#details)}`;
    if (state === "failed" && cause !== null) text = `${text}. ${cause}`;
    if (text === this.#spoken) return;
    this.#spoken = text;
    setText(this.#live, text);
  }
}

function isActive(state: RunState): boolean {
  return state === "running" || state === "paused" || state === "preparing";
}
