import type { DatasetReport, LengthBin } from "../../src/protocol/datasetView";
import { element } from "../dom";
import { count } from "../figures";
import { t } from "../texts";
import { type LengthBar, lengthBars, lengthTicks, placeOf, rowTicks } from "./lengthBars";
import { svg } from "./svg";

const HEIGHT = 230;
const MARGIN = { top: 24, right: 18, bottom: 44, left: 58 };
/** Room that a label under the axis takes. */
const TICK_WIDTH = 52;
const GAP = 1;

export type PickedLengths = { from: number; to: number } | null;

/** How long the rows are: a bar for each range of lengths. A bar that is picked lists its rows. */
export class LengthChart {
  readonly element: HTMLElement;
  readonly #plot = element("div", { class: "plot" });
  readonly #readout = element("div", { class: "readout", attributes: { "aria-hidden": "true" } });
  readonly #resize: ResizeObserver;
  readonly #bars: LengthBar[];
  #picked: PickedLengths = null;
  /** The bar that Tab reaches. */
  #current = 0;
  #width = 0;

  constructor(
    private readonly report: DatasetReport,
    private readonly pick: (lengths: PickedLengths) => void,
  ) {
    this.#bars = lengthBars(report.length.histogram, report.sequenceLength);
    this.#current = Math.max(0, largest(this.#bars));
    this.element = element(
      "div",
      { class: "length-chart", testId: "length-chart" },
      element("div", { class: "chart-head" }, element("p", { class: "quiet", text: this.#summary() }), this.#readout),
      this.#plot,
      this.#table(),
    );
    this.#resize = new ResizeObserver(() => {
      if (this.#plot.clientWidth === this.#width) return;
      this.#width = this.#plot.clientWidth;
      this.#draw();
    });
    this.#resize.observe(this.#plot);
  }

  setPicked(lengths: PickedLengths): void {
    this.#picked = lengths;
    for (const [index, group] of this.#groups().entries()) {
      group.setAttribute("aria-pressed", String(this.#isPicked(this.#bars[index]!)));
    }
  }

  dispose(): void {
    this.#resize.disconnect();
  }

  #summary(): string {
    const { length, sequenceLength, beyond } = this.report;
    if (length.rows === 0) return t("There is no row whose length could be counted.");
    const median = this.#withUnit(count(length.p50));
    const most = this.#withUnit(count(length.p95));
    const usual = t("Half of the rows have at most {0}, 95 % at most {1}.", median, most);
    if (sequenceLength === null || beyond === null) return usual;
    const limit = count(sequenceLength);
    const over =
      beyond === 0
        ? t("None is longer than a sequence of {0}.", limit)
        : beyond === 1
          ? t("One is longer than a sequence of {0}.", limit)
          : t("{0} are longer than a sequence of {1}.", count(beyond), limit);
    return `${usual} ${over}`;
  }

  #withUnit(figures: string): string {
    return this.report.unit === "tokens" ? t("{0} tokens", figures) : t("{0} characters", figures);
  }

  #describe({ from, to, rows }: LengthBin): string {
    const range = to - from === 1 ? count(from) : t("{0} to {1}", count(from), count(to - 1));
    const text = t("{0}: {1} rows", this.#withUnit(range), count(rows));
    const { sequenceLength } = this.report;
    if (sequenceLength === null || to - 1 <= sequenceLength) return text;
    return from > sequenceLength ? t("{0}, longer than a sequence", text) : t("{0}, some longer than a sequence", text);
  }

  #draw(): void {
    const width = this.#width - MARGIN.left - MARGIN.right;
    const height = HEIGHT - MARGIN.top - MARGIN.bottom;
    if (width <= 0) return;
    const focused = this.#plot.contains(document.activeElement);
    const place = svg("g", { transform: `translate(${MARGIN.left} ${MARGIN.top})` });
    place.append(...this.#axes(width, height));
    for (const [index, bar] of this.#bars.entries()) place.append(this.#bar(bar, index, width, height));
    place.append(...this.#limit(width, height));
    const picture = svg(
      "svg",
      {
        width: this.#width,
        height: HEIGHT,
        role: "group",
        "aria-label": t("Lengths of the rows; the arrow keys go from bar to bar, Enter lists a bar's rows"),
      },
      hatching(),
      place,
    );
    this.#plot.replaceChildren(picture);
    if (focused) this.#groups()[this.#current]?.focus();
  }

  #bar(bar: LengthBar, index: number, width: number, height: number): SVGGElement {
    const left = bar.left * width;
    const wide = Math.max(1, bar.width * width - GAP);
    // A bin with one row among thousands must still be seen.
    const high = bar.rows === 0 ? 0 : Math.max(2, bar.height * height);
    const group = svg(
      "g",
      {
        class: "bar",
        role: "button",
        tabindex: index === this.#current ? 0 : -1,
        "aria-label": this.#describe(bar),
        "aria-pressed": String(this.#isPicked(bar)),
      },
      svg("rect", { class: "hit", x: left, y: 0, width: bar.width * width, height }),
      svg("rect", { class: "fill", x: left, y: height - high, width: wide, height: high }),
    );
    if (bar.beyond > 0) {
      const over = wide * bar.beyond;
      const place = { x: left + wide - over, y: height - high, width: over, height: high };
      group.append(svg("rect", { class: "fill over", ...place }), svg("rect", { class: "hatch", ...place }));
    }
    group.addEventListener("pointerenter", () => this.#read(bar));
    group.addEventListener("pointerleave", () => this.#read(null));
    group.addEventListener("focus", () => this.#focus(index));
    group.addEventListener("blur", () => this.#read(null));
    group.addEventListener("click", () => this.#toggle(bar));
    group.addEventListener("keydown", (event) => this.#key(event, index));
    return group;
  }

  #axes(width: number, height: number): SVGElement[] {
    const { histogram } = this.report.length;
    const made: SVGElement[] = [];
    for (const { value, at } of rowTicks(histogram)) {
      const y = Math.round(height * (1 - at)) + 0.5;
      made.push(
        svg("line", { class: "grid", x1: 0, x2: width, y1: y, y2: y }),
        svg("text", { class: "tick", x: -8, y, dy: "0.35em", "text-anchor": "end" }, count(value)),
      );
    }
    for (const { value, at } of lengthTicks(histogram, Math.max(2, Math.floor(width / TICK_WIDTH)))) {
      const x = Math.round(at * width) + 0.5;
      made.push(
        svg("line", { class: "grid", x1: x, x2: x, y1: height, y2: height + 4 }),
        svg("text", { class: "tick", x, y: height + 17, "text-anchor": "middle" }, count(value)),
      );
    }
    const unit = this.report.unit === "tokens" ? t("tokens in a row") : t("characters in a row");
    made.push(
      svg("text", { class: "tick", x: width, y: height + 37, "text-anchor": "end" }, unit),
      svg("text", { class: "tick", x: -MARGIN.left, y: -10 }, t("rows")),
    );
    return made;
  }

  #limit(width: number, height: number): SVGElement[] {
    const { length, sequenceLength } = this.report;
    const at = sequenceLength === null ? null : placeOf(length.histogram, sequenceLength);
    if (sequenceLength === null || at === null) return [];
    const x = Math.round(at * width) + 0.5;
    const label = t("sequence length {0}", count(sequenceLength));
    const anchor = at > 0.7 ? "end" : "start";
    return [
      svg("line", { class: "limit", x1: x, x2: x, y1: -6, y2: height }),
      svg("text", { class: "limit-label", x: at > 0.7 ? x - 5 : x + 5, y: -10, "text-anchor": anchor }, label),
    ];
  }

  #read(bar: LengthBar | null): void {
    this.#readout.textContent = bar === null ? "" : this.#describe(bar);
  }

  #focus(index: number): void {
    const groups = this.#groups();
    groups[this.#current]?.setAttribute("tabindex", "-1");
    groups[index]?.setAttribute("tabindex", "0");
    this.#current = index;
    this.#read(this.#bars[index] ?? null);
  }

  #key(event: KeyboardEvent, index: number): void {
    const last = this.#bars.length - 1;
    const target: Record<string, number> = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: last };
    if (event.key === "Enter" || event.key === " ") this.#toggle(this.#bars[index]!);
    else if (target[event.key] !== undefined) {
      this.#groups()[Math.min(last, Math.max(0, target[event.key]!))]?.focus();
    } else return;
    event.preventDefault();
  }

  #toggle(bar: LengthBar): void {
    this.pick(this.#isPicked(bar) ? null : { from: bar.from, to: bar.to });
  }

  #isPicked(bar: LengthBar): boolean {
    return this.#picked !== null && bar.from >= this.#picked.from && bar.to <= this.#picked.to;
  }

  #groups(): SVGGElement[] {
    return [...this.#plot.querySelectorAll<SVGGElement>("g.bar")];
  }

  #table(): HTMLElement {
    const body = element("tbody");
    const unit = this.report.unit === "tokens" ? t("Tokens") : t("Characters");
    const head = [unit, t("Rows")].map((text) => element("th", { text, attributes: { scope: "col" } }));
    const details = element(
      "details",
      { class: "chart-table", testId: "length-table" },
      element("summary", { text: t("The lengths as a table") }),
      element("table", {}, element("thead", {}, element("tr", {}, ...head)), body),
    );
    details.addEventListener("toggle", () => {
      if (!details.open || body.childElementCount > 0) return;
      body.append(
        ...this.#bars.map(({ from, to, rows }) =>
          element(
            "tr",
            {},
            element("th", {
              text: to - from === 1 ? count(from) : t("{0} to {1}", count(from), count(to - 1)),
              attributes: { scope: "row" },
            }),
            element("td", { text: count(rows) }),
          ),
        ),
      );
    });
    return details;
  }
}

/** Lines across the bars of rows that are too long: their colour is not the only sign. */
function hatching(): SVGElement {
  const line = svg("path", { d: "M-1 1 l2 -2 M0 6 l6 -6 M5 7 l2 -2", class: "hatch-line" });
  const attributes = { id: "hatching", width: 6, height: 6, patternUnits: "userSpaceOnUse" };
  return svg("defs", {}, svg("pattern", attributes, line));
}

function largest(bars: readonly LengthBar[]): number {
  const most = bars.reduce((greatest, { rows }) => Math.max(greatest, rows), 0);
  return bars.findIndex(({ rows }) => rows === most);
}
