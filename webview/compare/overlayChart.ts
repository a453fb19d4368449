import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { CurveModel } from "../curve/curveModel";
import { chartFont, LARGEST, paddedRange, resolveColor } from "../curve/plotTheme";
import { count } from "../figures";
import { aboveZero, type CurveKind, logTicks, overlay, type StepRange } from "./overlay";
import { lookOf } from "./runLine";

export interface OverlayLine {
  slot: number;
  model: CurveModel;
}

export interface OverlayOptions {
  kind: CurveKind;
  height: number;
  testId: string;
  /** The step under the pointer or the arrow keys; null when it is left. */
  onStep(step: number | null, byKeyboard: boolean): void;
  onZoom(range: StepRange | null): void;
}

export interface OverlayMode {
  smoothed: boolean;
  logScale: boolean;
}

const POINTS_PER_PIXEL = 2;
/** A picture is drawn at most so often, however fast points come. */
const DRAW_EVERY_MS = 150;
/** Share of the steps in sight that an arrow key goes on by. */
const KEY_STRIDE = 1 / 50;

/** One curve of each run over one another. Drag or +/− zooms, a double click or 0 shows all, arrow keys read values. */
export class OverlayChart {
  readonly element = document.createElement("div");
  #lines: readonly OverlayLine[] = [];
  #mode: OverlayMode = { smoothed: true, logScale: false };
  #zoom: StepRange | null = null;
  #step: number | null = null;
  #plot: uPlot | undefined;
  #drawTimer: number | undefined;
  /** The cursor is being put where another chart's is. */
  #following = false;
  readonly #resize = new ResizeObserver(() => this.#fit());
  // VS Code changes the theme by the classes and variables of the page.
  readonly #theme = new MutationObserver(() => this.#rebuild());

  constructor(private readonly options: OverlayOptions) {
    this.element.className = "chart";
    this.element.style.height = `${options.height}px`;
    this.element.tabIndex = 0;
    this.element.setAttribute("role", "img");
    this.element.dataset.testid = options.testId;
    this.element.addEventListener("keydown", (event) => this.#onKey(event));
    this.element.addEventListener("blur", () => this.#setStep(null, true));
    this.#resize.observe(this.element);
    this.#theme.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  }

  /** The runs that are drawn, and how. */
  show(lines: readonly OverlayLine[], mode: OverlayMode, label: string): void {
    this.#lines = lines;
    this.#mode = mode;
    this.element.setAttribute("aria-label", label);
    this.#rebuild();
  }

  /** Curves have grown. */
  update(): void {
    if (this.#drawTimer !== undefined) return;
    this.#drawTimer = window.setTimeout(() => {
      this.#drawTimer = undefined;
      this.#draw();
    }, DRAW_EVERY_MS);
  }

  setZoom(zoom: StepRange | null): void {
    this.#zoom = zoom;
    this.#draw();
  }

  /** Puts the cursor's line where another chart's is. */
  follow(step: number | null): void {
    const plot = this.#plot;
    if (plot === undefined) return;
    this.#following = true;
    plot.setCursor({ left: step === null ? -10 : plot.valToPos(step, "x"), top: step === null ? -10 : 0 });
    this.#following = false;
  }

  dispose(): void {
    clearTimeout(this.#drawTimer);
    this.#resize.disconnect();
    this.#theme.disconnect();
    this.#plot?.destroy();
  }

  #fit(): void {
    const width = this.element.clientWidth;
    if (width === 0) return;
    if (this.#plot === undefined) this.#rebuild();
    else if (this.#plot.width !== width) {
      this.#plot.setSize({ width, height: this.options.height });
      this.#draw();
    }
  }

  #rebuild(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
    const width = this.element.clientWidth;
    if (width > 0) this.#plot = new uPlot(this.#plotOptions(width), this.#data(), this.element);
  }

  #draw(): void {
    this.#plot?.setData(this.#data());
  }

  #data(): uPlot.AlignedData {
    const limit = Math.max(100, this.element.clientWidth * POINTS_PER_PIXEL);
    const models = this.#lines.map((line) => line.model);
    const { steps, series } = overlay(models, this.options.kind, limit, this.#zoom);
    this.element.dataset.lines = String(models.length);
    this.element.dataset.points = String(models.reduce((sum, model) => sum + model[this.options.kind].length, 0));
    const shown = series.flatMap(({ each, smoothed }) => [each, smoothed]);
    return [steps, ...(this.#mode.logScale ? shown.map(aboveZero) : shown)];
  }

  #plotOptions(width: number): uPlot.Options {
    const text = resolveColor(this.element, "var(--vscode-foreground)");
    const grid = resolveColor(this.element, "var(--tunesmith-grid)");
    const axis: uPlot.Axis = {
      stroke: text,
      font: chartFont(this.element),
      grid: { stroke: grid, width: 1 },
      ticks: { stroke: grid, width: 1, size: 4 },
    };
    const { logScale } = this.#mode;
    return {
      width,
      height: this.options.height,
      padding: [12, 28, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { show: false } },
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
        { ...axis, size: 56, ...(logScale ? logAxis : {}) },
      ],
      series: [{}, ...this.#lines.flatMap((line) => this.#seriesOf(line))],
      hooks: {
        setCursor: [(plot) => this.#read(plot)],
        setSelect: [(plot) => this.#select(plot)],
        ready: [(plot) => plot.over.addEventListener("dblclick", () => this.options.onZoom(null))],
      },
    };
  }

  /** Each step faint behind the smoothed line, or alone; of the held-out loss every point is marked. */
  #seriesOf({ slot }: OverlayLine): uPlot.Series[] {
    const { color, dash } = lookOf(slot);
    const stroke = resolveColor(this.element, color);
    const { smoothed } = this.#mode;
    if (this.options.kind === "evalLoss") {
      const points = { show: true, size: 7, stroke, fill: stroke };
      return [{ stroke, width: 2, dash, spanGaps: true, points }, { show: false }];
    }
    const points = { show: false };
    return [
      { stroke, width: 1, alpha: smoothed ? 0.25 : 1, dash: smoothed ? [] : dash, spanGaps: true, points },
      { show: smoothed, stroke, width: 2.5, dash, spanGaps: true, points },
    ];
  }

  #range(): [number, number] {
    if (this.#zoom !== null) return [this.#zoom.from, this.#zoom.to];
    return [0, Math.max(1, ...this.#lines.map((line) => line.model.lastStep))];
  }

  #read(plot: uPlot): void {
    if (this.#following) return;
    const { idx, left } = plot.cursor;
    const step = typeof idx === "number" && (left ?? -1) >= 0 ? (plot.data[0][idx] ?? null) : null;
    this.#setStep(step, false);
  }

  #setStep(step: number | null, byKeyboard: boolean): void {
    if (step === this.#step) return;
    this.#step = step;
    this.options.onStep(step, byKeyboard);
  }

  #select(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < 4) return;
    const from = Math.floor(plot.posToVal(left, "x"));
    const to = Math.ceil(plot.posToVal(left + width, "x"));
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (to - from >= 2) this.options.onZoom({ from, to });
  }

  #onKey(event: KeyboardEvent): void {
    const [from, to] = this.#range();
    const stride = Math.max(1, Math.round((to - from) * KEY_STRIDE));
    const here = Math.min(to, Math.max(from, this.#step ?? to));
    const actions: Record<string, () => void> = {
      ArrowLeft: () => this.#moveTo(Math.max(from, here - stride)),
      ArrowRight: () => this.#moveTo(Math.min(to, here + stride)),
      Home: () => this.#moveTo(from),
      End: () => this.#moveTo(to),
      "+": () => this.#zoomAround(here, (to - from) / 4),
      "-": () => this.#zoomAround(here, to - from),
      "0": () => this.options.onZoom(null),
    };
    const action = actions[event.key];
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  }

  #moveTo(step: number): void {
    this.follow(step);
    this.#setStep(step, true);
  }

  /** Shows the steps up to `reach` away; all of them where that is more than there are. */
  #zoomAround(step: number, reach: number): void {
    const last = Math.max(1, ...this.#lines.map((line) => line.model.lastStep));
    const from = Math.max(0, Math.floor(step - reach));
    const to = Math.min(last, Math.ceil(step + reach));
    if (from === 0 && to === last) this.options.onZoom(null);
    else if (to - from >= 2) this.options.onZoom({ from, to });
  }
}

const logAxis: uPlot.Axis = {
  splits: (_plot, _axis, low, high) => logTicks(low, high),
  filter: (_plot, splits) => splits,
  values: (_plot, splits) => splits.map((value) => String(value)),
};

function logRange(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null || low <= 0) return [0.1, 10];
  const margin = Math.max(Math.exp((Math.log(high) - Math.log(low)) * 0.06), 1.01);
  return [low / margin, Math.min(high * margin, LARGEST)];
}
