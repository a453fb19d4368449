import { element } from "../dom";
import { count, loss } from "../figures";
import { t } from "../texts";
import type { CurveModel } from "./curveModel";

const ROWS = 50;

/** The curve's figures for whoever cannot see it; filled when it is opened. */
export class CurveTable {
  readonly element: HTMLDetailsElement;
  readonly #body = element("tbody");

  constructor(private model: CurveModel) {
    const head = [t("Step"), t("Loss"), t("Smoothed"), t("Eval loss")];
    const header = element("tr", {}, ...head.map((text) => element("th", { text, attributes: { scope: "col" } })));
    this.element = element(
      "details",
      { class: "curve-table", testId: "curve-table" },
      element("summary", { text: t("The curve as a table") }),
      element("table", {}, element("thead", {}, header), this.#body),
    );
    this.element.addEventListener("toggle", () => this.update());
  }

  setModel(model: CurveModel): void {
    this.model = model;
    this.update();
  }

  update(): void {
    if (!this.element.open) return;
    const rows = this.model.rows(ROWS).map((row) => {
      const cells = [row.loss, row.smoothed, row.evalLoss].map((value) => element("td", { text: loss(value) }));
      return element("tr", {}, element("th", { text: count(row.step), attributes: { scope: "row" } }), ...cells);
    });
    this.#body.replaceChildren(...rows);
  }
}
