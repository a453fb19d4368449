import { type ElementOptions, element } from "../dom";
import { swatch } from "./runLine";

/** The runs as they stand over a table's columns. */
export interface Column {
  name: string;
  slot: number;
}

export interface Cell extends Pick<ElementOptions, "title"> {
  content: (Node | string)[];
  /** Stands out among its row's. */
  best?: boolean;
}

export interface Row {
  label: string;
  cells: Cell[];
}

/** One column a run, one row a thing to compare. It keeps its focus and place when what it shows moves on. */
export class RunTable {
  readonly element = element("div", { class: "wide", role: "region", attributes: { tabindex: "0" } });

  constructor(private readonly testId: string) {}

  /** Without columns there is one value a row, which is all runs'. */
  show(columns: readonly Column[], rows: readonly Row[], caption: string): void {
    this.element.setAttribute("aria-label", caption);
    const head = element("tr", {}, element("td"), ...columns.map(columnHead));
    this.element.replaceChildren(
      element(
        "table",
        { testId: this.testId },
        element("caption", { class: "for-screen-readers", text: caption }),
        columns.length > 0 && element("thead", {}, head),
        element("tbody", {}, ...rows.map(tableRow)),
      ),
    );
  }
}

function columnHead({ name, slot }: Column): HTMLElement {
  const words = element("span", { class: "column-name", text: name, title: name });
  return element("th", { attributes: { scope: "col" } }, swatch(slot), words);
}

function tableRow({ label, cells }: Row): HTMLElement {
  return element(
    "tr",
    {},
    element("th", { text: label, attributes: { scope: "row" } }),
    ...cells.map(({ content, title, best }) =>
      element("td", { ...(title ? { title } : {}), ...(best ? { class: "best" } : {}) }, ...content),
    ),
  );
}
