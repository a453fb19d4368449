import type { StepRange } from "../curve/curveModel";
import { element, liveRegion, setText } from "../dom";
import { count, loss } from "../figures";
import { checkbox } from "../inputs";
import { t } from "../texts";
import { Legend, type LegendRun } from "./legend";
import { tableSteps } from "./overlay";
import { OverlayChart, type OverlayMode } from "./overlayChart";

const CHART_HEIGHT = 300;
/** Steps in the table, besides those of evaluations. */
const TABLE_STEPS = 20;

export interface CurveChoice extends OverlayMode {
  hidden: string[];
}

/** Training and held-out loss of all runs, what tells them apart, and the table behind the pictures. */
export class Curves {
  readonly element: HTMLElement;
  #runs: readonly LegendRun[] = [];
  #hidden: Set<string>;
  #mode: OverlayMode;
  /** Where values are read; null: at the end of each run. */
  #readStep: number | null = null;
  readonly #legend = new Legend((id) => this.#toggle(id));
  readonly #training: OverlayChart;
  readonly #heldOut: OverlayChart;
  readonly #noHeldOut = element("p", {
    class: "quiet",
    text: t("None of these runs has looked at held-out rows yet."),
  });
  readonly #step = element("p", { class: "quiet step-read", attributes: { "aria-hidden": "true" } });
  readonly #spoken = liveRegion();
  readonly #resetZoom = element("button", { class: "link", text: t("Show all steps"), hidden: true });
  readonly #tableHead = element("thead");
  readonly #tableBody = element("tbody");
  readonly #table: HTMLDetailsElement;

  constructor(
    choice: CurveChoice,
    private readonly keep: (choice: CurveChoice) => void,
  ) {
    this.#hidden = new Set(choice.hidden);
    this.#mode = { smoothed: choice.smoothed, logScale: choice.logScale };
    this.#training = this.#chart("loss", "training-chart");
    this.#heldOut = this.#chart("evalLoss", "held-out-chart");
    this.#resetZoom.type = "button";
    this.#resetZoom.addEventListener("click", () => this.#zoom(null));
    this.#table = element(
      "details",
      { class: "curve-table", testId: "curve-table" },
      element("summary", { text: t("The curves as a table") }),
      element("div", { class: "wide" }, element("table", {}, this.#tableHead, this.#tableBody)),
    );
    this.#table.addEventListener("toggle", () => this.#fillTable());
    this.element = element(
      "section",
      { class: "curves", attributes: { "aria-label": t("Loss curves") } },
      this.#legend.element,
      element("div", { class: "actions" }, this.#smoothedBox(), this.#logBox(), this.#resetZoom, this.#step),
      element(
        "div",
        { class: "charts" },
        element("div", {}, element("h2", { text: t("Training loss") }), this.#training.element),
        element("div", {}, element("h2", { text: t("Held-out loss") }), this.#noHeldOut, this.#heldOut.element),
      ),
      this.#table,
      this.#spoken,
    );
  }

  show(runs: readonly LegendRun[]): void {
    this.#runs = runs;
    this.#legend.show(runs, this.#hidden);
    this.#redraw();
  }

  /** Curves have grown. */
  update(): void {
    this.#showHeldOut();
    this.#training.update();
    this.#heldOut.update();
    this.#legend.setStep(this.#readStep);
    this.#fillTable();
  }

  dispose(): void {
    this.#training.dispose();
    this.#heldOut.dispose();
  }

  #chart(kind: "loss" | "evalLoss", testId: string): OverlayChart {
    return new OverlayChart(kind, {
      height: CHART_HEIGHT,
      testId,
      onStep: (step, byKeyboard) => this.#read(kind, step, byKeyboard),
      onZoom: (range) => this.#zoom(range),
    });
  }

  #smoothedBox(): HTMLElement {
    return checkbox(t("Smoothed"), this.#mode.smoothed, "smoothed", (smoothed) => this.#setMode({ smoothed }));
  }

  #logBox(): HTMLElement {
    return checkbox(t("Logarithmic"), this.#mode.logScale, "log-scale", (logScale) => this.#setMode({ logScale }));
  }

  #setMode(change: Partial<OverlayMode>): void {
    this.#mode = { ...this.#mode, ...change };
    this.#keepChoice();
    this.#redraw();
  }

  #toggle(id: string): void {
    if (!this.#hidden.delete(id)) this.#hidden.add(id);
    this.#legend.setHidden(this.#hidden);
    this.#keepChoice();
    this.#redraw();
  }

  #keepChoice(): void {
    this.keep({ ...this.#mode, hidden: [...this.#hidden] });
  }

  #redraw(): void {
    const shown = this.#runs.filter((run) => !this.#hidden.has(run.id));
    const names = shown.map((run) => run.name).join(", ");
    this.#showHeldOut();
    this.#training.show(shown, this.#mode, t("Training loss of {0}; arrow keys read the values", names));
    this.#heldOut.show(shown, this.#mode, t("Held-out loss of {0}; arrow keys read the values", names));
    this.#fillTable();
  }

  #showHeldOut(): void {
    const some = this.#runs.some((run) => run.model.evalLoss.length > 0);
    this.#noHeldOut.hidden = some;
    this.#heldOut.element.hidden = !some;
  }

  #zoom(range: StepRange | null): void {
    this.#training.setZoom(range);
    this.#heldOut.setZoom(range);
    this.#resetZoom.hidden = range === null;
  }

  #read(kind: "loss" | "evalLoss", step: number | null, byKeyboard: boolean): void {
    (kind === "loss" ? this.#heldOut : this.#training).follow(step);
    this.#readStep = step;
    this.#legend.setStep(step);
    setText(this.#step, step === null ? "" : t("Step {0}", count(step)));
    if (!byKeyboard || step === null) return;
    setText(this.#spoken, `${t("Step {0}", count(step))}. ${this.#legend.spoken(step, this.#hidden)}`);
  }

  #fillTable(): void {
    if (!this.#table.open) return;
    const headers = this.#runs.flatMap((run) => [t("{0}: loss", run.name), t("{0}: held-out loss", run.name)]);
    const head = [t("Step"), ...headers].map((text) => element("th", { text, attributes: { scope: "col" } }));
    this.#tableHead.replaceChildren(element("tr", {}, ...head));
    const models = this.#runs.map((run) => run.model);
    const rows = tableSteps(models, TABLE_STEPS).map((step) => {
      const values = models.flatMap((model) => {
        const at = model.at(step);
        return [at.smoothed, at.evalLoss];
      });
      return element(
        "tr",
        {},
        element("th", { text: count(step), attributes: { scope: "row" } }),
        ...values.map((value) => element("td", { text: loss(value) })),
      );
    });
    this.#tableBody.replaceChildren(...rows);
  }
}
