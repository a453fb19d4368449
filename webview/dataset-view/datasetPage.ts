import type { DatasetReport, FromDatasetView, RowFilter, ToDatasetView } from "../../src/protocol/datasetView";
import { element, icon, liveRegion, setText } from "../dom";
import { count } from "../figures";
import { t } from "../texts";
import { LengthChart } from "./lengthChart";
import { PageHeader } from "./pageHeader";
import { ProblemTable } from "./problemTable";
import { type BrowserState, RowBrowser } from "./rowBrowser";
import { countTable, duplicateTable, spreadTable } from "./shareTables";
import { splitBar } from "./splitBar";

/** One data set: what it is made of, what is wrong with it, and its rows. */
export class DatasetPage {
  readonly element: HTMLElement;
  readonly #header: PageHeader;
  readonly #content = element("div", { class: "content" });
  readonly #live = liveRegion();
  /** Of the browser: a new report has a new one. */
  #kept: BrowserState;
  #chart: LengthChart | undefined;
  #browser: RowBrowser | undefined;

  constructor(
    readonly dataset: string,
    private readonly post: (message: FromDatasetView) => void,
    private readonly keep: (state: BrowserState) => void,
    kept: BrowserState,
  ) {
    this.#kept = kept;
    this.#header = new PageHeader(dataset, post);
    this.element = element(
      "div",
      { class: "page dataset", testId: "dataset-view" },
      this.#header.element,
      this.#content,
      this.#live,
    );
    this.#content.append(...skeleton());
  }

  receive(message: ToDatasetView): void {
    switch (message.type) {
      case "loading":
        this.#content.setAttribute("aria-busy", "true");
        this.#header.showLoading(message.stage, message.fraction);
        setText(this.#live, message.stage);
        return;
      case "report":
        this.#showReport(message.report);
        return;
      case "failed":
        this.#end();
        this.#header.showFailure(message.message);
        return;
      case "cancelled":
        this.#end();
        this.#header.showCancelled();
        return;
      case "changed":
        this.#header.showChanged();
        return;
      case "row":
        this.#browser?.showRow(message.row, message.result);
        return;
      case "rowFailed":
        this.#browser?.showRowFailure(message.row, message.message);
        return;
    }
  }

  dispose(): void {
    this.#chart?.dispose();
    this.#browser?.dispose();
  }

  /** Nothing more comes: without an earlier report there is nothing to show a place for. */
  #end(): void {
    this.#content.setAttribute("aria-busy", "false");
    if (this.#browser === undefined) this.#content.replaceChildren();
  }

  #showReport(report: DatasetReport): void {
    this.dispose();
    this.#chart = undefined;
    this.#browser = undefined;
    this.#content.setAttribute("aria-busy", "false");
    this.#header.showReport(report);
    setText(this.#live, t("{0} rows, {1} usable", count(report.rows), count(report.usable)));
    if (report.rows === 0) {
      this.#content.replaceChildren(nothingToShow());
      return;
    }
    const browser = new RowBrowser(report, this.post, this.#kept);
    const chart = new LengthChart(report, (length) => browser.filter({ length }));
    browser.onChange = (state) => {
      this.#kept = state;
      this.keep(state);
      chart.setPicked(state.filter?.length ?? null);
    };
    chart.setPicked(browser.state.filter?.length ?? null);
    this.#browser = browser;
    this.#chart = chart;
    const pick = (part: Partial<RowFilter>) => browser.filter(part);
    // Not only the usable ones: rows that are too long are counted too.
    const answered = report.languages.reduce((sum, { rows }) => sum + rows, 0);
    this.#content.replaceChildren(
      section("lengths", t("Length of the rows"), chart.element, spreadTable(report)),
      element(
        "div",
        { class: "columns" },
        element(
          "div",
          { class: "column" },
          section(
            "split",
            t("Training and held-out rows"),
            splitBar(report, (heldOut) => pick({ heldOut })),
          ),
          section(
            "duplicates",
            t("Rows that repeat others"),
            duplicateTable(report, (check) => pick({ check })),
          ),
        ),
        section(
          "languages",
          t("What the answers are written in"),
          countTable(report.languages, {
            label: t("Language"),
            of: answered,
            pick: (language) => pick({ language }),
          }),
        ),
        section(
          "tasks",
          t("What is asked for"),
          countTable(report.tasks, {
            label: t("Task"),
            of: answered,
            pick: (task) => pick({ task }),
            more: report.moreTasks,
          }),
        ),
      ),
      section("problems", t("Problems"), new ProblemTable(report, (check) => pick({ check }), this.post).element),
      section("rows", t("Rows"), browser.element),
    );
  }
}

function section(id: string, title: string, ...content: HTMLElement[]): HTMLElement {
  return element(
    "section",
    { class: id, testId: id, attributes: { "aria-labelledby": `${id}-title` } },
    element("h2", { id: `${id}-title`, text: title }),
    ...content,
  );
}

function nothingToShow(): HTMLElement {
  return element(
    "p",
    { class: "message", testId: "no-rows" },
    icon("info"),
    element("span", { text: t("The file holds no row yet: write one JSON object a line, then refresh.") }),
  );
}

/** The layout of what comes, so that nothing jumps when it does. */
function skeleton(): HTMLElement[] {
  const bar = (kind: string) => element("div", { class: `skeleton ${kind}` });
  const column = () => element("div", { class: "column" }, bar("line"), bar("block"));
  return [
    bar("line"),
    bar("chart-place"),
    element("div", { class: "columns" }, column(), column(), column()),
    bar("block"),
  ];
}
