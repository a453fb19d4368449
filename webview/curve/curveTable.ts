import type { SeriesName } from "../../src/protocol/curveView";
import { element, setText } from "../dom";
import { count } from "../figures";
import { t } from "../texts";
import type { CurveModel, StepRange } from "./curveModel";
import { seriesLabel, seriesText } from "./seriesText";

const ROWS = 50;
/** It follows a run that goes on, but no faster than one can read. */
const FILL_EVERY_MS = 1000;

/** Of these each step has its own value; of the others the last reading counts. */
const eachStep: readonly SeriesName[] = ["loss", "evalLoss", "learningRate", "gradientNorm", "tokensPerSecond"];
const readings: readonly SeriesName[] = ["memory", "utilisation", "temperature"];

/** The curves' figures for whoever cannot see them, of the steps in sight; filled when it is opened. */
export class CurveTable {
  readonly element: HTMLDetailsElement;
  readonly #said = element("p", { class: "quiet" });
  readonly #head = element("thead");
  readonly #body = element("tbody");
  #zoom: StepRange | null = null;
  #timer: number | undefined;

  constructor(private model: CurveModel) {
    const table = element("table", { attributes: { "aria-label": t("The run's figures by step") } }, this.#head);
    table.append(this.#body);
    this.element = element(
      "details",
      { class: "curve-table", testId: "curve-table" },
      element("summary", { text: t("The curves as a table") }),
      this.#said,
      element("div", { class: "wide" }, table),
    );
    this.element.addEventListener("toggle", () => this.#fill());
  }

  setModel(model: CurveModel): void {
    this.model = model;
    this.update();
  }

  setZoom(zoom: StepRange | null): void {
    this.#zoom = zoom;
    this.#fill();
  }

  update(): void {
    if (!this.element.open) return;
    this.#timer ??= window.setTimeout(() => this.#fill(), FILL_EVERY_MS);
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }

  #fill(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.element.open) return;
    const { model } = this;
    const names = [...eachStep, ...readings].filter((name) => model.series[name].length > 0);
    const steps = model.tableSteps(ROWS, this.#zoom);
    this.#showCount(steps.length);
    const headers = [t("Step"), t("Smoothed loss"), ...names.map(seriesLabel)];
    this.#head.replaceChildren(
      element("tr", {}, ...headers.map((text) => element("th", { text, attributes: { scope: "col" } }))),
    );
    this.#body.replaceChildren(...steps.map((step) => this.#row(step, names)));
  }

  #showCount(rows: number): void {
    const all = this.model.loss.length;
    const text =
      rows >= all || this.#zoom !== null
        ? t("The steps in sight of the chart.")
        : t("Some of the {0} steps, evenly, and those with an eval; zoom in to see more of them.", count(all));
    setText(this.#said, text);
  }

  #row(step: number, names: readonly SeriesName[]): HTMLElement {
    const { model } = this;
    const cells = names.map((name) => {
      const value = eachStep.includes(name) ? model.series[name].exactly(step) : model.valueAt(name, step);
      return seriesText(name, value);
    });
    const texts = [seriesText("loss", model.at(step).smoothed), ...cells];
    return element(
      "tr",
      {},
      element("th", { text: count(step), attributes: { scope: "row" } }),
      ...texts.map((text) => element("td", { text })),
    );
  }
}
