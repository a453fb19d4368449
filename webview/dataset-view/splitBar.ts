import type { DatasetReport } from "../../src/protocol/datasetView";
import { element, linkButton } from "../dom";
import { count, fileName } from "../figures";
import { t } from "../texts";
import { percent } from "./shareTables";

/** What is learned from and what is kept back. */
export function splitBar(report: DatasetReport, pick: (heldOut: boolean) => void): HTMLElement {
  const { split, heldOutFile } = report;
  if (split === null) {
    return element("p", { class: "quiet", text: t("How a run would split the rows was not counted.") });
  }
  const whole = split.train + split.heldOut;
  if (whole === 0) return element("p", { class: "quiet", text: t("There is no usable row.") });
  const part = (kind: string, rows: number) => {
    const made = element("span", { class: kind });
    made.style.flexGrow = String(rows);
    return made;
  };
  const legend = (kind: string, name: string, rows: number, action: (() => void) | null) =>
    element(
      "li",
      {},
      element("span", { class: `swatch ${kind}`, attributes: { "aria-hidden": "true" } }),
      action === null || rows === 0 ? element("span", { text: name }) : linkButton(name, action),
      element("span", { class: "quiet", text: t("{0} rows, {1}", count(rows), percent(rows, whole)) }),
    );
  return element(
    "div",
    { class: "split-chart" },
    element(
      "div",
      { class: "split-bar", attributes: { "aria-hidden": "true" } },
      split.train > 0 && part("train", split.train),
      split.heldOut > 0 && part("held-out", split.heldOut),
    ),
    element(
      "ul",
      { class: "split-legend" },
      legend("train", t("Training"), split.train, () => pick(false)),
      // The rows of another file are not in this one's list.
      legend("held-out", t("Held out"), split.heldOut, heldOutFile === null ? () => pick(true) : null),
    ),
    heldOutFile !== null &&
      element("p", { class: "quiet", text: t("The held-out rows are those of {0}.", fileName(heldOutFile)) }),
  );
}
