import type { ReportSeverity, SampleRow } from "../../src/protocol/datasetView";
import { element, icon } from "../dom";
import { count } from "../figures";
import { t } from "../texts";
import { severityIcon, severityName } from "./problemTable";

/** Of an entry, in the list's font size; the style sheet has the same. */
const ENTRY_EM = 3.4;
/** Entries that are made above and below those in sight. */
const MARGIN_ENTRIES = 8;

interface RowListOptions {
  length(row: SampleRow): string;
  severities(row: SampleRow): ReportSeverity[];
  select(row: SampleRow): void;
  open(row: SampleRow): void;
}

/** Thousands of rows of which only those in sight are in the page. */
export class RowList {
  readonly element: HTMLElement;
  readonly #spacer = element("div", { class: "spacer", role: "presentation" });
  readonly #resize: ResizeObserver;
  #rows: readonly SampleRow[] = [];
  #selected = -1;

  constructor(private readonly options: RowListOptions) {
    this.element = element(
      "div",
      {
        class: "row-list",
        role: "listbox",
        testId: "row-list",
        attributes: { tabindex: "0", "aria-label": t("Rows; Enter opens the row in the editor") },
      },
      this.#spacer,
    );
    this.element.addEventListener("scroll", () => this.#draw());
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.#resize = new ResizeObserver(() => {
      if (this.#selected >= 0) this.#reveal();
      this.#draw();
    });
    this.#resize.observe(this.element);
  }

  get selected(): SampleRow | undefined {
    return this.#rows[this.#selected];
  }

  get position(): number {
    return this.#selected;
  }

  /** The row that was selected stays so if it is still there; else none is. */
  setRows(rows: readonly SampleRow[]): void {
    const { selected } = this;
    this.#rows = rows;
    this.#selected = selected === undefined ? -1 : rows.indexOf(selected);
    this.#spacer.style.height = `${rows.length * this.#entryHeight}px`;
    if (this.#selected >= 0) this.#reveal();
    else this.element.scrollTop = 0;
    this.#draw();
  }

  select(index: number): void {
    const row = this.#rows[index];
    if (row === undefined || index === this.#selected) return;
    this.#selected = index;
    this.#reveal();
    this.#draw();
    this.options.select(row);
  }

  dispose(): void {
    this.#resize.disconnect();
  }

  get #entryHeight(): number {
    return Number.parseFloat(getComputedStyle(this.element).fontSize || "13") * ENTRY_EM;
  }

  #reveal(): void {
    const height = this.#entryHeight;
    const top = this.#selected * height;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + height > scrollTop + clientHeight) this.element.scrollTop = top + height - clientHeight;
  }

  #key(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.#entryHeight) - 1);
    const last = this.#rows.length - 1;
    const targets: Record<string, number> = {
      ArrowDown: this.#selected + 1,
      ArrowUp: this.#selected - 1,
      PageDown: this.#selected + page,
      PageUp: this.#selected - page,
      Home: 0,
      End: last,
    };
    const target = targets[event.key];
    if (target !== undefined) this.select(Math.min(last, Math.max(0, target)));
    else if (event.key === "Enter" && this.selected !== undefined) this.options.open(this.selected);
    else return;
    event.preventDefault();
  }

  #draw(): void {
    const height = this.#entryHeight;
    const first = Math.max(0, Math.floor(this.element.scrollTop / height) - MARGIN_ENTRIES);
    const end = Math.ceil((this.element.scrollTop + this.element.clientHeight) / height) + MARGIN_ENTRIES;
    const entries = this.#rows.slice(first, end).map((row, index) => this.#entry(row, first + index, height));
    this.#spacer.replaceChildren(...entries);
    const current = this.selected === undefined ? null : `row-${this.selected.row}`;
    if (current !== null && entries.some(({ id }) => id === current)) {
      this.element.setAttribute("aria-activedescendant", current);
    } else {
      this.element.removeAttribute("aria-activedescendant");
    }
  }

  #entry(row: SampleRow, index: number, height: number): HTMLElement {
    const severities = this.options.severities(row).map((severity) => {
      const mark = element("span", { class: "mark" }, severityIcon(severity));
      mark.append(element("span", { class: "for-screen-readers", text: severityName(severity) }));
      return mark;
    });
    const made = element(
      "div",
      {
        class: "row-entry",
        id: `row-${row.row}`,
        role: "option",
        attributes: {
          "aria-selected": String(index === this.#selected),
          "aria-setsize": String(this.#rows.length),
          "aria-posinset": String(index + 1),
        },
      },
      element("div", { class: "row-title", text: row.title === "" ? t("(no text)") : row.title }),
      element(
        "div",
        { class: "row-meta" },
        element("span", { text: t("Row {0}", count(row.row)) }),
        element("span", { text: this.options.length(row) }),
        row.language !== null && element("span", { text: row.language }),
        row.heldOut === true && element("span", {}, icon("archive"), element("span", { text: t("held out") })),
        ...severities,
      ),
    );
    made.style.top = `${index * height}px`;
    made.addEventListener("click", () => this.select(index));
    made.addEventListener("dblclick", () => this.options.open(row));
    return made;
  }
}
