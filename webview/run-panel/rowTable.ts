import type { CostlyRow, RowSourceFile } from "../../src/protocol/rowsView";
import { element, icon, linkButton } from "../dom";
import { count, fileName, loss } from "../figures";
import { t } from "../texts";

export interface RowTableOptions {
  caption: string;
  testId: string;
  /** The steps that met the rows are known. */
  steps: boolean;
  onOpen(row: CostlyRow): void;
}

/** Rows of a run's data, each a link into its file. */
export function rowTable(
  rows: readonly CostlyRow[],
  sources: readonly RowSourceFile[],
  { caption, testId, steps, onOpen }: RowTableOptions,
): HTMLElement {
  const heads = [t("Row"), t("Loss"), t("Tokens"), ...(steps ? [t("Step")] : []), t("How it begins")];
  const cells = (row: CostlyRow) => [
    element("td", { class: "figure-cell", text: loss(row.loss), testId: "row-loss" }),
    element("td", { class: "figure-cell", text: count(row.tokens) }),
    ...(steps ? [element("td", { class: "figure-cell", text: row.step === null ? "–" : count(row.step) })] : []),
    element("td", { class: "preview-cell", text: row.preview, title: row.preview }),
  ];
  return element(
    "div",
    { class: "row-table-frame" },
    element(
      "table",
      { class: "row-table", testId },
      element("caption", { class: "for-screen-readers", text: caption }),
      element(
        "thead",
        {},
        element("tr", {}, ...heads.map((text) => element("th", { text, attributes: { scope: "col" } }))),
      ),
      element(
        "tbody",
        {},
        ...rows.map((row) => {
          const link = linkButton(placeOf(row, sources), () => onOpen(row), "open-run-row");
          link.title = `${sources[row.source]?.path ?? ""}:${row.row}`;
          return element("tr", {}, element("th", { attributes: { scope: "row" } }, link), ...cells(row));
        }),
      ),
    ),
  );
}

/** The file only where there are several. */
function placeOf({ source, row }: CostlyRow, sources: readonly RowSourceFile[]): string {
  const text = t("Row {0}", count(row));
  return sources.length > 1 ? `${fileName(sources[source]?.path ?? "")} · ${text}` : text;
}

/** One sentence for each file of which rows are shown that are no longer those of the run. */
export function sourceNotes(rows: readonly CostlyRow[], sources: readonly RowSourceFile[]): HTMLElement[] {
  const shown = new Set(rows.map(({ source }) => source));
  return sources.flatMap(({ path, state }, index) => {
    if (state === "unchanged" || !shown.has(index)) return [];
    const name = fileName(path);
    const text =
      state === "missing"
        ? t("{0} is no longer where the run read it.", name)
        : t("{0} has changed since the run: a number may now be another row's.", name);
    return [
      element(
        "p",
        { class: "source-note", testId: "source-note" },
        icon("warning"),
        element("span", { text, title: path }),
      ),
    ];
  });
}
