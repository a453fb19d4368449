import type {
  DatasetReport,
  DatasetViewState,
  FromDatasetView,
  ReportSeverity,
  RowFilter,
  RowPreviewResult,
  SampleRow,
} from "../../src/protocol/datasetView";
import { element, linkButton, setText } from "../dom";
import { count } from "../figures";
import { t } from "../texts";
import { button, dropdown, textField } from "../toolkit";
import { SEVERITY_ORDER } from "./problemTable";
import { filterRows, fittingFilter, isFiltered, NO_FILTER } from "./rowFilter";
import { RowList } from "./rowList";
import { RowPane } from "./rowPane";

/** A row is asked for when the selection rests on it: holding an arrow key must not read every row. */
const SETTLE_MS = 90;
const ANY = "";

/** What of the browser outlives it. */
export type BrowserState = Pick<DatasetViewState, "filter" | "row">;

/** Rows of the data set, those of a kind, and one of them as the model sees it. */
export class RowBrowser {
  readonly element: HTMLElement;
  /** Called whenever the filter or the row that is looked at has changed. */
  onChange: (state: BrowserState) => void = () => {};
  readonly #list: RowList;
  readonly #pane: RowPane;
  readonly #count = element("p", { class: "quiet row-count", role: "status", attributes: { "aria-live": "polite" } });
  readonly #chips = element("div", { class: "chips" });
  readonly #check;
  readonly #language;
  readonly #search;
  readonly #severity: ReadonlyMap<string, ReportSeverity>;
  #filter: RowFilter;
  #shown: readonly SampleRow[] = [];
  #asking: number | undefined;

  constructor(
    private readonly report: DatasetReport,
    private readonly post: (message: FromDatasetView) => void,
    kept: BrowserState,
  ) {
    this.#filter = fittingFilter(kept.filter, report);
    this.#severity = new Map(report.problems.map(({ check, severity }) => [check, severity]));
    this.#list = new RowList({
      length: (row) => this.#lengthOf(row),
      severities: (row) => this.#severitiesOf(row),
      select: (row) => this.#selected(row),
      open: ({ row }) => post({ type: "openRow", row }),
    });
    const titles = new Map(report.problems.map(({ check, title }) => [check, title]));
    this.#pane = new RowPane(titles, this.#severity, {
      open: (row) => post({ type: "openRow", row }),
      step: (by) => this.#list.select(this.#list.position + by),
    });
    const any = (label: string) => [{ value: ANY, label }];
    const checks = report.problems.map(({ check, title }) => ({ value: check, label: title }));
    this.#check = dropdown([...any(t("With and without problems")), ...checks], ANY, () =>
      this.filter({ check: this.#check.value() || null }, true),
    );
    this.#check.setAccessibleName(t("Problem"), false);
    const languages = report.languages.map(({ name }) => ({ value: name, label: name }));
    this.#language = dropdown([...any(t("Any language")), ...languages], ANY, () =>
      this.filter({ language: this.#language.value() || null }, true),
    );
    this.#language.setAccessibleName(t("Language"), false);
    this.#search = textField(this.#filter.text, () => this.filter({ text: this.#search.value() }, true));
    this.#search.setAccessibleName(t("Search the rows by text or number"), false);
    this.#search.element.setAttribute("placeholder", t("Text or row number"));
    this.element = element(
      "div",
      { class: "browser" },
      element(
        "div",
        { class: "filters", role: "search" },
        this.#search.element,
        this.#check.element,
        this.#language.element,
        this.#chips,
      ),
      this.#count,
      element("div", { class: "browser-panes" }, this.#list.element, this.#pane.element),
    );
    this.#apply(kept.row);
  }

  get state(): BrowserState {
    const row = this.#list.selected?.row;
    return { filter: this.#filter, ...(row === undefined ? {} : { row }) };
  }

  /** Changes a part of the filter. From a chart the list comes into sight and gets the focus: it may be far below. */
  filter(part: Partial<RowFilter>, here = false): void {
    this.#filter = { ...this.#filter, ...part };
    this.#apply();
    this.onChange(this.state);
    if (here) return;
    this.element.scrollIntoView({ block: "start", behavior: "auto" });
    this.#list.element.focus({ preventScroll: true });
  }

  showRow(row: number, result: RowPreviewResult): void {
    this.#pane.showResult(row, result);
  }

  showRowFailure(row: number, message: string): void {
    this.#pane.showFailure(row, message);
  }

  dispose(): void {
    clearTimeout(this.#asking);
    this.#list.dispose();
  }

  #apply(wanted?: number): void {
    const { sample, rows } = this.report;
    this.#shown = filterRows(sample, this.#filter);
    if (this.#check.value() !== (this.#filter.check ?? ANY)) this.#check.setValue(this.#filter.check ?? ANY);
    if (this.#language.value() !== (this.#filter.language ?? ANY)) {
      this.#language.setValue(this.#filter.language ?? ANY);
    }
    this.#list.setRows(this.#shown);
    const known =
      sample.length < rows
        ? t("{0} of {1} rows that were picked from {2}", count(this.#shown.length), count(sample.length), count(rows))
        : t("{0} of {1} rows", count(this.#shown.length), count(rows));
    setText(this.#count, known);
    this.#showChips();
    if (this.#list.selected === undefined) {
      this.#pane.showNothing(this.#shown.length === 0);
      const index = this.#shown.findIndex(({ row }) => row === wanted);
      if (this.#shown.length > 0) this.#list.select(Math.max(0, index));
    } else {
      this.#pane.setPosition(this.#list.position, this.#shown.length);
    }
  }

  /** What the dropdowns do not show, each with a way to take it off. */
  #showChips(): void {
    const { length, task, heldOut } = this.#filter;
    const chips: HTMLElement[] = [];
    const chip = (text: string, part: Partial<RowFilter>) => {
      const remove = button(text, () => this.filter(part, true), { icon: "close" });
      remove.element.setAttribute("aria-label", t("Remove the filter {0}", text));
      chips.push(remove.element);
    };
    if (length !== null) {
      const range = t("{0} to {1}", count(length.from), count(length.to - 1));
      const text = this.report.unit === "tokens" ? t("{0} tokens", range) : t("{0} characters", range);
      chip(text, { length: null });
    }
    if (task !== null) chip(task, { task: null });
    if (heldOut !== null) chip(heldOut ? t("Held out") : t("Training"), { heldOut: null });
    if (isFiltered(this.#filter)) {
      const all = linkButton(
        t("Show all"),
        () => {
          this.#search.setValue("");
          this.filter(NO_FILTER, true);
        },
        "show-all",
      );
      chips.push(all);
    }
    this.#chips.replaceChildren(...chips);
  }

  #selected(row: SampleRow): void {
    this.onChange(this.state);
    this.#pane.showLoading(row);
    this.#pane.setPosition(this.#list.position, this.#shown.length);
    clearTimeout(this.#asking);
    this.#asking = window.setTimeout(() => this.post({ type: "showRow", row: row.row }), SETTLE_MS);
  }

  #lengthOf({ length }: SampleRow): string {
    if (length === null) return t("cannot be read");
    return this.report.unit === "tokens" ? t("{0} tokens", count(length)) : t("{0} characters", count(length));
  }

  #severitiesOf({ problems }: SampleRow): ReportSeverity[] {
    const found = new Set(problems.map(({ check }) => this.#severity.get(check) ?? "information"));
    return SEVERITY_ORDER.filter((severity) => found.has(severity));
  }
}
