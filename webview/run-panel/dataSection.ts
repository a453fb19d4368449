import type { FormErrors, PlanForm } from "../../src/protocol/planForm";
import type { DataSummary, FromRunPanel, ToRunPanel } from "../../src/protocol/webview";
import { element, icon, linkButton } from "../dom";
import { count, fileName } from "../figures";
import { t } from "../texts";
import { progressRing } from "../toolkit";
import { DatasetList, type MixtureChange } from "./datasetList";

type DataMessage = Extract<ToRunPanel, { type: "data" }>;
type Problem = DataSummary["problems"][number];

/** Rows of one reason that are listed before the rest is only counted. */
const LISTED = 20;

/** What the data set comes to: rows, tokens, and every reason for which a row cannot be used. */
export class DataSection {
  readonly element: HTMLElement;
  readonly #content: HTMLElement;
  readonly #datasets: DatasetList;
  #open = new Set<string>();
  #files: string[] = [];

  constructor(
    dataset: string,
    private readonly post: (message: FromRunPanel) => void,
    onChange: (change: MixtureChange) => void,
  ) {
    this.#datasets = new DatasetList(dataset, post, onChange);
    this.#content = element("div", { testId: "data-summary", attributes: { "aria-live": "polite" } });
    this.element = element(
      "section",
      { class: "data", attributes: { "aria-labelledby": "data-title" } },
      element("h2", { id: "data-title", text: t("Data") }),
      this.#datasets.element,
      this.#content,
    );
  }

  showForm(form: PlanForm): void {
    this.#datasets.showForm(form);
  }

  /** Of the weights. */
  showEffect(effect: string | null): void {
    this.#datasets.showEffect(effect);
  }

  showErrors(errors: FormErrors): void {
    this.#datasets.showErrors(errors);
  }

  show(message: DataMessage): void {
    this.#datasets.showShares(message.state === "ready" ? message.summary.datasets : []);
    if (message.state === "loading") this.#showLoading(message.fraction);
    else if (message.state === "error") this.#showError(message.message);
    else this.#showSummary(message.summary);
  }

  #showLoading(fraction: number | null): void {
    const share = fraction === null ? "" : ` ${Math.round(fraction * 100)} %`;
    const text = `${t("Counting rows and tokens")}${share}`;
    const known = this.#content.querySelector<HTMLElement>(".counting span");
    if (known !== null) known.textContent = text;
    else {
      this.#content.replaceChildren(
        element("p", { class: "counting" }, progressRing(), element("span", { text })),
        element("div", { class: "skeleton line" }),
      );
    }
  }

  #showError(message: string): void {
    this.#content.replaceChildren(
      element("p", { class: "message error", testId: "data-error" }, icon("error"), element("span", { text: message })),
    );
  }

  #showSummary(summary: DataSummary): void {
    this.#files = summary.datasets.map(({ path }) => path);
    this.#content.replaceChildren(
      this.#figures(summary),
      ...(summary.used === 0 ? [this.#nothingUsable(summary)] : []),
      ...(summary.skipped > 0 ? [this.#skipped(summary)] : []),
    );
  }

  #figures(summary: DataSummary): HTMLElement {
    const figure = (value: string, label: string, testId: string) =>
      element("div", { class: "figure" }, element("dt", { text: label }), element("dd", { text: value, testId }));
    const rows = count(summary.rows);
    const formats = [...new Set(summary.datasets.map(({ format }) => format).filter((format) => format !== null))];
    const text =
      formats.length === 0 ? t("{0} rows, unknown format", rows) : t("{0} rows, format {1}", rows, formats.join(", "));
    const whole = element("p", { class: "quiet whole", text, testId: "rows" });
    const list = element(
      "dl",
      { class: "figures plain" },
      figure(count(summary.trainRows), t("rows to learn"), "train-rows"),
      figure(count(summary.evalRows), t("rows held out"), "eval-rows"),
      figure(count(summary.tokens), t("tokens"), "tokens"),
      figure(count(summary.skipped), t("rows skipped"), "skipped-rows"),
      ...(summary.completionSamples === 0
        ? []
        : [figure(count(summary.completionSamples), completionLabel(summary), "completion-samples")]),
    );
    return element("div", {}, whole, list);
  }

  #nothingUsable({ rows, path }: DataSummary): HTMLElement {
    const text =
      rows === 0
        ? t("{0} is empty: it must hold one row a line.", fileName(path))
        : t("None of the {0} rows can be used for training; mend the rows below, then save the file.", count(rows));
    return element(
      "p",
      { class: "message error", role: "alert", testId: "no-usable-rows" },
      icon("error"),
      element("span", { text }),
    );
  }

  #skipped(summary: DataSummary): HTMLElement {
    const byReason = new Map<string, Problem[]>();
    for (const problem of summary.problems) {
      const list = byReason.get(problem.reason) ?? [];
      list.push(problem);
      byReason.set(problem.reason, list);
    }
    const reasons = Object.entries(summary.skippedByReason).sort((a, b) => b[1] - a[1]);
    return element(
      "div",
      { class: "skipped", testId: "skipped" },
      ...reasons.map(([reason, total]) => this.#reason(reason, total, byReason.get(reason) ?? [])),
    );
  }

  /** With the file, where there are several. */
  #rowName(dataset: number, row: number): string {
    const [first, ...more] = this.#files;
    const file = this.#files[dataset] ?? first;
    return more.length === 0 || file === undefined
      ? t("Row {0}", count(row))
      : t("{0}, row {1}", fileName(file), count(row));
  }

  #reason(reason: string, total: number, problems: Problem[]): HTMLElement {
    const rows = problems.slice(0, LISTED).map(({ dataset, row, message }) =>
      element(
        "li",
        {},
        linkButton(this.#rowName(dataset, row), () => this.post({ type: "openRow", row, dataset }), "problem-row"),
        element("span", { text: message }),
      ),
    );
    const more = total - rows.length;
    if (more > 0) rows.push(element("li", { class: "quiet", text: t("and {0} more", count(more)) }));
    const details = element(
      "details",
      {},
      element("summary", {}, icon("warning"), element("span", { text: `${reasonText(reason)}: ${count(total)}` })),
      element("ul", {}, ...rows),
    );
    // The user's choice outlives a new count.
    details.open = this.#open.has(reason);
    details.addEventListener("toggle", () => {
      if (details.open) this.#open.add(reason);
      else this.#open.delete(reason);
    });
    return details;
  }
}

function reasonText(reason: string): string {
  const texts: Record<string, string> = {
    "invalid-json": t("Not valid JSON"),
    "not-an-object": t("Not a JSON object"),
    "unknown-format": t("Unknown format"),
    "missing-field": t("A field is missing"),
    "wrong-type": t("A field has the wrong type"),
    "empty-answer": t("The answer is empty"),
    "empty-instruction": t("The instruction is empty"),
    "over-length": t("Longer than a sequence"),
    "invalid-text": t("Text that is not valid Unicode"),
    "special-token": t("A control token in the text"),
    "duplicate-key": t("A field is given twice"),
    "no-assistant-turn": t("No turn of the assistant"),
    "roles-order": t("The turns are out of order"),
  };
  return texts[reason] ?? reason;
}

/** The share that was reached: little Python may yield less than was asked for. */
function completionLabel({ completionTokens, trainTokens }: DataSummary): string {
  const percent = Math.round((100 * completionTokens) / Math.max(1, trainTokens));
  return t("samples for completion, {0} % of what is learned", count(percent));
}
