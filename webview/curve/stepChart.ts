import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { count } from "../figures";
import { t } from "../texts";
import type { StepRange } from "./curveModel";
import { chartFont, logRange, logTicks, paddedRange, resolveColor } from "./plotTheme";
import { panTo, stepNear, zoomAround, zoomTo } from "./zoom";

/** What is drawn over the steps. */
export interface StepPicture {
  /** Steps, then the values of each series, with about `limit` steps a series. */
  data(limit: number, zoom: StepRange | null): uPlot.AlignedData;
  series(resolve: (color: string) => string): uPlot.Series[];
  /** Where the steps end when all are in sight. */
  lastStep(): number;
  /** The last step that has a value: no further do the keys go. */
  lastKnown(): number;
  /** In a sentence, for whoever cannot see it. */
  label(): string;
  /** What tests count points by, as `data-` attributes. */
  attributes(): Record<string, string>;
  logScale?(): boolean;
  /** Its values hold until the next one, so that steps between two points can be read as well. */
  readonly holds?: boolean;
  /** Values beside the axis. */
  axisText?(value: number): string;
  /** Behind the lines. */
  drawBehind?(plot: uPlot, resolve: (color: string) => string): void;
  /** Over the lines. */
  drawOver?(plot: uPlot, resolve: (color: string) => string): void;
}

export interface StepChartOptions {
  height: number;
  testId: string;
  /** Without axes, cursor and keys, for a narrow place. */
  bare?: boolean;
  axisWidth?: number;
  /** The step under the pointer or the arrow keys; null when it is left. */
  onStep?(step: number | null, byKeyboard: boolean): void;
  onZoom?(range: StepRange | null): void;
  /** A step was clicked, or Enter was pressed at it. */
  onChoose?(step: number): void;
}

/** Points drawn for each pixel of width: more would lie on one another. */
const POINTS_PER_PIXEL = 2;
/** A picture is drawn at most so often, however fast points come. */
const DRAW_EVERY_MS = 100;
/** Share of the steps in sight that an arrow key goes on by. */
const KEY_STRIDE = 1 / 50;
/** The pointer may tremble by so many pixels in a click. */
const CLICK_PX = 4;
/** So long a second click may take. */
const DOUBLE_CLICK_MS = 250;

/**
 * A chart over the steps of runs. Drag, wheel or + and − zoom, a double click or 0 shows all steps; arrow keys, Home and
 * End read values, Enter chooses a step.
 */
export class StepChart {
  readonly element = document.createElement("div");
  #zoom: StepRange | null = null;
  #step: number | null = null;
  /** Keys have put the cursor where it is; where the pointer has, it goes with the pointer. */
  #keyed = false;
  #plot: uPlot | undefined;
  #drawTimer: number | undefined;
  #clickTimer: number | undefined;
  /** The cursor is being put where another chart's is. */
  #following = false;
  readonly #resize = new ResizeObserver(() => this.#fit());
  // VS Code changes the theme by the classes and variables of the page.
  readonly #theme = new MutationObserver(() => this.rebuild());

  constructor(
    private readonly picture: StepPicture,
    private readonly options: StepChartOptions,
  ) {
    this.element.className = "chart";
    this.element.style.height = `${options.height}px`;
    this.element.setAttribute("role", "img");
    this.element.dataset.testid = options.testId;
    if (!options.bare) this.#takeKeys();
    this.#resize.observe(this.element);
    this.#theme.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  }

  /** The picture is another one: other series, another scale. */
  rebuild(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
    const width = this.element.clientWidth;
    if (width === 0) this.#describe();
    else {
      this.#plot = new uPlot(this.#plotOptions(width), this.#data(), this.element);
      this.#keepCursor();
    }
  }

  /** Curves have grown. */
  update(): void {
    this.#drawTimer ??= window.setTimeout(() => {
      this.#drawTimer = undefined;
      this.draw();
    }, DRAW_EVERY_MS);
  }

  setZoom(zoom: StepRange | null): void {
    this.#zoom = zoom;
    this.draw();
  }

  /** Puts the cursor's line where another chart's is. */
  follow(step: number | null): void {
    this.#step = step;
    this.#keyed = false;
    this.#putCursor(step);
  }

  #putCursor(step: number | null): void {
    const plot = this.#plot;
    if (plot === undefined) return;
    this.#following = true;
    plot.setCursor({ left: step === null ? -10 : plot.valToPos(step, "x"), top: step === null ? -10 : 0 });
    this.#following = false;
  }

  /** The picture as it is on the screen; undefined while the chart is out of sight. */
  get canvas(): HTMLCanvasElement | undefined {
    return this.#plot?.ctx.canvas;
  }

  dispose(): void {
    clearTimeout(this.#drawTimer);
    clearTimeout(this.#clickTimer);
    this.#resize.disconnect();
    this.#theme.disconnect();
    this.#plot?.destroy();
  }

  #takeKeys(): void {
    this.element.tabIndex = 0;
    // So that screen readers leave the keys to it.
    this.element.setAttribute("role", "application");
    this.element.setAttribute("aria-roledescription", t("chart"));
    this.element.addEventListener("keydown", (event) => this.#onKey(event));
    this.element.addEventListener("blur", () => {
      // A click on another chart takes the focus as well, and that one's cursor is not to be put away under it.
      if (!this.#keyed) return;
      this.#putCursor(null);
      this.#setStep(null, true);
    });
    // Elsewhere the wheel scrolls the page, as it does until the chart is being used.
    this.element.addEventListener(
      "wheel",
      (event) => {
        if (document.activeElement === this.element || event.ctrlKey) this.#onWheel(event);
      },
      { passive: false },
    );
  }

  #fit(): void {
    const width = this.element.clientWidth;
    if (width === 0) return;
    if (this.#plot === undefined) this.rebuild();
    else if (this.#plot.width !== width) {
      this.#plot.setSize({ width, height: this.options.height });
      this.draw();
    }
  }

  /** Draws at once. */
  draw(): void {
    if (this.#plot === undefined) this.#describe();
    else {
      this.#plot.setData(this.#data());
      this.#keepCursor();
    }
  }

  /** A new picture moves under the cursor's line, which belongs to a step; uPlot draws when the present turn ends. */
  #keepCursor(): void {
    this.#following = true;
    queueMicrotask(() => {
      this.#following = false;
      if (this.#step !== null) this.#putCursor(this.#step);
    });
  }

  #data(): uPlot.AlignedData {
    this.#describe();
    const limit = Math.max(100, this.element.clientWidth * POINTS_PER_PIXEL);
    return this.picture.data(limit, this.#zoom);
  }

  #describe(): void {
    Object.assign(this.element.dataset, this.picture.attributes());
    this.element.setAttribute("aria-label", this.picture.label());
  }

  #plotOptions(width: number): uPlot.Options {
    const { height, bare = false, axisWidth = 56 } = this.options;
    const { picture } = this;
    // Looked up once: to ask the page for a colour makes it lay itself out.
    const known = new Map<string, string>();
    const resolve = (color: string) => {
      const found = known.get(color) ?? resolveColor(this.element, color);
      known.set(color, found);
      return found;
    };
    const logScale = picture.logScale?.() === true;
    const grid = resolve("var(--tunesmith-grid)");
    const axis: uPlot.Axis = {
      show: !bare,
      stroke: resolve("var(--vscode-foreground)"),
      font: chartFont(this.element),
      grid: { stroke: grid, width: 1 },
      ticks: { stroke: grid, width: 1, size: 4 },
    };
    return {
      width,
      height,
      padding: bare ? [4, 4, 4, 4] : [12, 28, 0, 0],
      legend: { show: false },
      cursor: { show: !bare, y: false, drag: { x: true, y: false, setScale: false }, points: { show: false } },
      scales: {
        x: { time: false, range: () => this.#range() },
        y: {
          distr: logScale ? 3 : 1,
          range: (_plot, low, high) => (logScale ? logRange(low, high) : paddedRange(low, high)),
        },
      },
      axes: [
        {
          ...axis,
          size: 28,
          values: (_plot, steps) => steps.map((step) => (Number.isInteger(step) ? count(step) : "")),
        },
        { ...axis, size: axisWidth, ...this.#valueAxis(logScale) },
      ],
      series: [{}, ...picture.series(resolve)],
      hooks: {
        drawClear: [(plot) => picture.drawBehind?.(plot, resolve)],
        draw: [(plot) => picture.drawOver?.(plot, resolve)],
        setCursor: [(plot) => this.#read(plot)],
        setSelect: [(plot) => this.#select(plot)],
        ready: bare ? [] : [(plot) => this.#takePointer(plot)],
      },
    };
  }

  #valueAxis(logScale: boolean): uPlot.Axis {
    const { picture } = this;
    const text = (value: number) => picture.axisText?.(value) ?? String(value);
    const values = (_plot: uPlot, splits: number[]) => splits.map(text);
    if (logScale) {
      return { splits: (_plot, _axis, low, high) => logTicks(low, high), filter: (_plot, splits) => splits, values };
    }
    return picture.axisText === undefined ? {} : { values };
  }

  #takePointer(plot: uPlot): void {
    let pressedAt: number | null = null;
    plot.over.addEventListener("mousedown", (event) => {
      pressedAt = event.clientX;
    });
    plot.over.addEventListener("click", (event) => {
      const still = pressedAt !== null && Math.abs(event.clientX - pressedAt) < CLICK_PX;
      const step = this.#stepUnder(plot);
      if (!still || step === null || event.detail > 1) return;
      // What a choice brings may move the page away under a second click.
      this.#clickTimer = window.setTimeout(() => this.options.onChoose?.(step), DOUBLE_CLICK_MS);
    });
    plot.over.addEventListener("dblclick", () => {
      clearTimeout(this.#clickTimer);
      this.options.onZoom?.(null);
    });
  }

  #range(): [number, number] {
    if (this.#zoom !== null) return [this.#zoom.from, this.#zoom.to];
    return [0, this.#last()];
  }

  #last(): number {
    return Math.max(1, this.picture.lastStep());
  }

  #stepUnder(plot: uPlot): number | null {
    const { idx, left = -1 } = plot.cursor;
    if (left < 0 || typeof idx !== "number") return null;
    if (this.picture.holds) return stepNear(plot.posToVal(left, "x"), this.#range(), this.picture.lastKnown());
    return plot.data[0][idx] ?? null;
  }

  #read(plot: uPlot): void {
    if (!this.#following) this.#setStep(this.#stepUnder(plot), false);
  }

  #setStep(step: number | null, byKeyboard: boolean): void {
    this.#keyed = byKeyboard;
    if (step === this.#step) return;
    this.#step = step;
    this.options.onStep?.(step, byKeyboard);
  }

  #select(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < CLICK_PX) return;
    const range = zoomTo(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"), this.#last());
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.#askZoom(range);
  }

  #askZoom(range: StepRange | null | undefined): void {
    if (range !== undefined) this.options.onZoom?.(range);
  }

  #onWheel(event: WheelEvent): void {
    const plot = this.#plot;
    if (plot === undefined || event.deltaY === 0) return;
    event.preventDefault();
    const left = event.clientX - plot.over.getBoundingClientRect().left;
    const [from, to] = this.#range();
    const step = Math.min(to, Math.max(from, plot.posToVal(left, "x")));
    this.#askZoom(zoomAround(step, event.deltaY < 0 ? 0.8 : 1.25, [from, to], this.#last()));
  }

  #onKey(event: KeyboardEvent): void {
    const [from, to] = this.#range();
    const stride = Math.max(1, Math.round((to - from) * KEY_STRIDE));
    const last = Math.min(to, this.picture.lastKnown());
    const here = Math.min(to, Math.max(from, this.#step ?? last));
    const zoomBy = (factor: number) => this.#askZoom(zoomAround(here, factor, [from, to], this.#last()));
    const actions: Record<string, () => void> = {
      ArrowLeft: () => this.#moveTo(here - stride),
      ArrowRight: () => this.#moveTo(here + stride),
      Home: () => this.#moveTo(from),
      End: () => this.#moveTo(last),
      "+": () => zoomBy(0.5),
      "=": () => zoomBy(0.5),
      "-": () => zoomBy(2),
      "0": () => this.#askZoom(null),
      Enter: () => this.options.onChoose?.(here),
    };
    const action = actions[event.key];
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  }

  /** What lies beside the steps in sight is moved into sight. */
  #moveTo(step: number): void {
    const target = Math.min(this.picture.lastKnown(), Math.max(0, step));
    if (this.#zoom !== null && (target < this.#zoom.from || target > this.#zoom.to)) {
      this.#askZoom(panTo(target, this.#zoom));
    }
    this.#putCursor(target);
    this.#setStep(target, true);
  }
}
