/** Counts as tables whose rows carry a bar: what is drawn is what a screen reader reads. */
import type { DatasetReport, LengthSpread, NamedCount } from "../../src/protocol/datasetView";
import { element, linkButton } from "../dom";
import { count } from "../figures";
import { t } from "../texts";

interface CountTableOptions {
  label: string;
  /** What the shares are of. */
  of: number;
  pick(name: string): void;
  /** Names that are not listed. */
  more?: number;
}

const LISTED = 8;

export function countTable(counts: readonly NamedCount[], options: CountTableOptions): HTMLElement {
  if (counts.length === 0) return element("p", { class: "quiet", text: t("There is no usable row.") });
  const most = counts[0]!.rows;
  const line = ({ name, rows }: NamedCount) =>
    shareRow(
      linkButton(name, () => options.pick(name)),
      rows,
      most,
      options.of,
    );
  const body = element("tbody", {}, ...counts.slice(0, LISTED).map(line));
  const head = element(
    "tr",
    {},
    element("th", { text: options.label, attributes: { scope: "col" } }),
    element("td", { attributes: { "aria-hidden": "true" } }),
    element("th", { text: t("Rows"), attributes: { scope: "col" } }),
    element("th", { text: t("Share"), attributes: { scope: "col" } }),
  );
  const table = element("table", { class: "shares" }, element("thead", { class: "for-screen-readers" }, head), body);
  const rest = counts.slice(LISTED);
  const more = options.more ?? 0;
  if (rest.length === 0) return table;
  const text = t("{0} more", count(rest.length + more));
  const button = linkButton(text, () => {
    body.append(...rest.map(line));
    button.replaceWith(more > 0 ? element("p", { class: "quiet", text: t("and {0} rarer ones", count(more)) }) : "");
    body.rows[LISTED]?.querySelector("button")?.focus();
  });
  return element("div", {}, table, button);
}

function shareRow(name: HTMLElement, rows: number, most: number, of: number): HTMLTableRowElement {
  const bar = element("span", { class: "share-bar" });
  bar.style.width = `${(100 * rows) / Math.max(1, most)}%`;
  return element(
    "tr",
    {},
    element("th", { attributes: { scope: "row" } }, name),
    element("td", { class: "bar-cell", attributes: { "aria-hidden": "true" } }, rows > 0 && bar),
    element("td", { text: count(rows) }),
    element("td", { class: "quiet", text: percent(rows, of) }),
  );
}

/** "0.3 %", "12 %"; what is there is never shown as nothing. */
export function percent(part: number, whole: number): string {
  if (whole === 0 || part === 0) return "0 %";
  const share = (100 * part) / whole;
  if (share < 0.1) return "< 0.1 %";
  return `${share < 10 ? share.toFixed(1) : Math.round(share)} %`;
}

export function duplicateTable(report: DatasetReport, pick: (check: string) => void): HTMLElement {
  const { duplicates, usable, notCompared } = report;
  const kinds = [
    { name: t("Exact duplicates"), check: "duplicate-row", rows: duplicates.exact },
    { name: t("Near duplicates"), check: "near-duplicate", rows: duplicates.near },
    { name: t("Conflicting answers"), check: "conflicting-answers", rows: duplicates.conflicting },
    { name: t("Also in the held-out file"), check: "held-out-leak", rows: duplicates.leaked },
  ];
  const lines = kinds.map(({ name, check, rows }) => {
    if (rows === null) return notComparedRow(name);
    const label = rows === 0 ? element("span", { text: name }) : linkButton(name, () => pick(check));
    return shareRow(label, rows, usable, usable);
  });
  return element(
    "div",
    {},
    element("table", { class: "shares" }, element("tbody", {}, ...lines)),
    notCompared > 0 &&
      element("p", {
        class: "quiet",
        text: t("Near duplicates were not sought among the last {0} rows.", count(notCompared)),
      }),
  );
}

function notComparedRow(name: string): HTMLTableRowElement {
  const cell = element("td", { class: "quiet", text: t("not compared"), attributes: { colspan: "3" } });
  return element("tr", {}, element("th", { text: name, attributes: { scope: "row" } }), cell);
}

/** Quantiles of the lengths, whole and apart. */
export function spreadTable(report: DatasetReport): HTMLElement {
  const head = [t("Shortest"), "5 %", "25 %", t("Half"), "75 %", "95 %", "99 %", t("Longest"), t("Mean")];
  const line = (name: string, spread: LengthSpread) => {
    const { min, p5, p25, p50, p75, p95, p99, max, mean } = spread;
    return element(
      "tr",
      {},
      element("th", { text: name, attributes: { scope: "row" } }),
      ...[min, p5, p25, p50, p75, p95, p99, max, mean].map((value) => element("td", { text: count(value) })),
    );
  };
  const whole = report.unit === "tokens" ? t("Row, tokens") : t("Row, characters");
  return element(
    "details",
    { class: "chart-table", testId: "spread" },
    element("summary", { text: t("Rows, prompts and answers in figures") }),
    element(
      "div",
      { class: "wide-table" },
      element(
        "table",
        {},
        element(
          "thead",
          {},
          element(
            "tr",
            {},
            element("td"),
            ...head.map((text) => element("th", { text, attributes: { scope: "col" } })),
          ),
        ),
        element(
          "tbody",
          {},
          line(whole, report.length),
          line(t("Prompt, characters"), report.promptLength),
          line(t("Answer, characters"), report.answerLength),
        ),
      ),
    ),
  );
}
