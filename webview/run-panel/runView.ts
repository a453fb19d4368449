import type { FromRunPanel, RunDetails, RunSnapshot, RunState, ToRunPanel } from "../../src/protocol/webview";
import { CurveModel } from "../curve/curveModel";
import { CurveTable } from "../curve/curveTable";
import { LossChart } from "../curve/lossChart";
import { element, icon, linkButton, liveRegion, setText } from "../dom";
import { compact, count, duration, fileName, loss } from "../figures";
import { stateIcon, stateText } from "../runState";
import { t } from "../texts";
import { type Button, button } from "../toolkit";
import { describeDevice, describeForecast } from "./deviceText";
import { type Exporting, finishedText, outcome, type RunHead } from "./outcome";
import type { RunSection } from "./runSection";

/** In the page's order; each has its part in src/extension/panels/runSession.ts. */
const sections: ((post: (message: FromRunPanel) => void) => RunSection)[] = [];

const CHART_HEIGHT = 340;
/** Progress is told to screen readers in steps of so many percent. */
const SPOKEN_PERCENT = 10;

/** A run while it goes on and after it: figures, curve, and what can be done. */
export class RunView {
  readonly element: HTMLElement;
  readonly id: string;
  #head: RunHead;
  #details: RunDetails;
  #model: CurveModel;
  #exporting: Exporting = { kind: "no" };
  readonly #chart: LossChart;
  readonly #table: CurveTable;
  readonly #name = element("span");
  readonly #state = element("span", { class: "state", testId: "run-state" });
  readonly #made = element("p", { class: "quiet made" });
  readonly #device = element("p", { class: "quiet device", testId: "device", hidden: true });
  readonly #figures = new Map<string, HTMLElement>();
  readonly #stop: Button;
  readonly #live = liveRegion();
  readonly #liveActions: HTMLElement;
  readonly #outcome = element("div");
  readonly #sections: RunSection[];
  readonly #failure = element("p", { class: "message error", role: "alert", hidden: true, testId: "action-failed" });
  #shownOutcome = "";
  #spoken = "";

  constructor(
    run: RunSnapshot,
    details: RunDetails,
    private readonly post: (message: FromRunPanel) => void,
  ) {
    this.id = run.id;
    this.#sections = sections.map((make) => make(post));
    this.#head = run;
    this.#details = details;
    this.#model = new CurveModel(run.curve, run.totalSteps);
    const readout = element("span", { class: "readout", attributes: { "aria-hidden": "true" } });
    this.#chart = new LossChart(this.#model, run.totalSteps, {
      height: CHART_HEIGHT,
      onReadout: (text) => setText(readout, text),
    });
    this.#table = new CurveTable(this.#model);
    this.#stop = button(t("Stop"), () => this.#onStop(), { icon: "debug-stop", testId: "stop" });
    this.#liveActions = element(
      "div",
      { class: "actions" },
      this.#stop.element,
      element("span", { class: "quiet", text: t("Stopping keeps a checkpoint to resume from.") }),
    );
    this.element = element(
      "div",
      { class: "page run", testId: "run" },
      element("header", {}, element("h1", {}, this.#name, this.#state), this.#made, this.#device),
      this.#failure,
      this.#outcome,
      this.#figureStrip(),
      element(
        "section",
        { class: "curve", attributes: { "aria-label": t("Loss curve") } },
        element("div", { class: "legend" }, ...legend()),
        element("div", { class: "chart-frame" }, this.#chart.element, readout),
        this.#table.element,
      ),
      this.#liveActions,
      ...this.#sections.map((section) => section.element),
      this.#live,
    );
    this.#show();
  }

  setRun(run: RunSnapshot, details: RunDetails): void {
    this.#head = run;
    this.#details = details;
    this.#model = new CurveModel(run.curve, run.totalSteps);
    this.#chart.setModel(this.#model, run.totalSteps);
    this.#table.setModel(this.#model);
    this.#show();
  }

  receive(message: ToRunPanel): void {
    for (const section of this.#sections) section.receive(message);
    switch (message.type) {
      case "points":
        if (message.id !== this.id) return;
        this.#head = message.head;
        this.#model.append(message);
        this.#chart.update();
        this.#table.update();
        if (message.head.inUse) this.#exporting = { kind: "no" };
        break;
      case "exporting":
        this.#exporting = { kind: "under-way", stage: message.stage, fraction: message.fraction };
        break;
      case "exportFailed":
        this.#exporting = { kind: "failed", message: message.message };
        break;
      case "actionFailed":
        this.#failure.replaceChildren(icon("error"), element("span", { text: message.message }));
        this.#failure.hidden = false;
        this.#stop.setDisabled(false);
        return;
      default:
        return;
    }
    this.#show();
  }

  dispose(): void {
    this.#chart.dispose();
    for (const section of this.#sections) section.dispose?.();
  }

  #onStop(): void {
    this.#stop.setDisabled(true);
    this.#stop.setText(t("Stopping…"));
    this.#failure.hidden = true;
    this.post({ type: "stop" });
  }

  #figureStrip(): HTMLElement {
    const figure = (name: string, label: string, testId: string) => {
      const value = element("dd", { text: "–", testId });
      this.#figures.set(name, value);
      return element("div", { class: "figure" }, element("dt", { text: label }), value);
    };
    return element(
      "dl",
      { class: "figures strip", testId: "figures" },
      figure("loss", t("Loss"), "loss"),
      figure("eval", t("Eval loss"), "eval-loss"),
      figure("step", t("Step"), "step"),
      figure("speed", t("Tokens/s"), "tokens-per-second"),
      figure("left", t("Time left"), "time-left"),
    );
  }

  #show(): void {
    const head = this.#head;
    const active = head.state === "running" || head.state === "paused" || head.state === "preparing";
    setText(this.#name, head.name);
    this.#showState(head.state);
    this.#showMade();
    this.#showDevice(head);
    this.#showFigures(head, active);
    this.#liveActions.hidden = !active;
    this.#stop.element.hidden = head.state === "preparing";
    if (!active) {
      this.#stop.setDisabled(false);
      this.#stop.setText(t("Stop"));
    } else this.#failure.hidden = true;
    this.#showOutcome(active);
    for (const section of this.#sections) section.showHead(head, this.#details);
    this.#speak(active);
  }

  #showState(state: RunState): void {
    if (this.#state.dataset.state === state) return;
    this.#state.dataset.state = state;
    this.#state.replaceChildren(stateIcon(state), stateText(state));
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

  /** "NVIDIA H100 80GB HBM3 · 12.3 of 80 GB · 71 °C · 650 W · 98 %" */
  #showDevice(head: RunHead): void {
    const text = describeDevice(head);
    setText(this.#device, text);
    this.#device.title = describeForecast(head);
    this.#device.hidden = text === "";
  }

  #showFigures(head: RunHead, active: boolean): void {
    const set = (name: string, text: string) => setText(this.#figures.get(name)!, text);
    set("loss", loss(head.loss));
    set("eval", loss(head.evalLoss));
    set("step", head.totalSteps === 0 ? "–" : `${count(head.step)} / ${count(head.totalSteps)}`);
    set("speed", head.tokensPerSecond === null ? "–" : count(head.tokensPerSecond));
    set("left", duration(head.secondsLeft));
    this.#figures.get("left")!.parentElement!.hidden = !active;
  }

  #showOutcome(active: boolean): void {
    // Built anew only where it says something else: a button must not vanish under the pointer.
    const { state, cause, evalLoss, evalLossBefore, checkpointStep, inUse } = this.#head;
    const said = [
      active,
      state,
      cause,
      evalLoss,
      evalLossBefore,
      checkpointStep,
      inUse,
      this.#details,
      this.#exporting,
    ];
    const key = JSON.stringify(said);
    if (key === this.#shownOutcome) return;
    this.#shownOutcome = key;
    this.#outcome.hidden = active;
    if (active) this.#outcome.replaceChildren();
    else {
      const measured = this.#model.evalLoss.some((point) => point.step > 0);
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

/** Each line by its shape as well as its colour. */
function legend(): HTMLElement[] {
  const entry = (kind: string, text: string) =>
    element("span", { class: "legend-entry" }, element("span", { class: `swatch ${kind}` }), text);
  return [
    entry("raw", t("training, each step")),
    entry("smoothed", t("training, smoothed")),
    entry("eval", t("held-out rows")),
    entry("checkpoint", t("checkpoint")),
  ];
}
