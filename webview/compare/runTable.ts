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

/** One column a run, one row a thing to compare. */
export function runTable(
  columns: readonly Column[],
  rows: readonly Row[],
  testId: string,
  caption: string,
): HTMLElement {
  const heads = columns.map(({ name, slot }) =>
    element(
      "th",
      { attributes: { scope: "col" } },
      swatch(slot),
      element("span", { class: "column-name", text: name, title: name }),
    ),
  );
  const body = rows.map(({ label, cells }) =>
    element(
      "tr",
      {},
      element("th", { text: label, attributes: { scope: "row" } }),
      ...cells.map(({ content, title, best }) =>
        element("td", { ...(title ? { title } : {}), ...(best ? { class: "best" } : {}) }, ...content),
      ),
    ),
  );
  const table = element(
    "table",
    { testId },
    element("caption", { class: "for-screen-readers", text: caption }),
    element("thead", {}, element("tr", {}, element("td"), ...heads)),
    element("tbody", {}, ...body),
  );
  return element("div", { class: "wide", attributes: { tabindex: "0", role: "region", "aria-label": caption } }, table);
}
