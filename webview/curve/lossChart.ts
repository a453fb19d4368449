import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { count, loss } from "../figures";
import { t } from "../texts";
import type { CurveModel } from "./curveModel";
import { chartFont, paddedRange, resolveColor } from "./plotTheme";

export interface LossChartOptions {
  /** Without axes and readout, for a narrow place. */
  small?: boolean;
  height: number;
  /** What is under the pointer, in words; empty when it has left. */
  onReadout?(text: string): void;
}

/** Points drawn for each pixel of width: more would lie on one another. */
const POINTS_PER_PIXEL = 2;
/** A picture is drawn at most so often, however fast points come. */
const DRAW_EVERY_MS = 150;

/** The loss of training, thin and smoothed, with the evals and the checkpoints. Drag zooms, a double click shows all. */
export class LossChart {
  readonly element: HTMLElement;
  #model: CurveModel;
  #plot: uPlot | undefined;
  #totalSteps: number;
  #zoom: { from: number; to: number } | null = null;
  #drawTimer: number | undefined;
  readonly #resize: ResizeObserver;
  readonly #theme: MutationObserver;

  constructor(
    model: CurveModel,
    totalSteps: number,
    private readonly options: LossChartOptions,
  ) {
    this.#model = model;
    this.#totalSteps = totalSteps;
    this.element = document.createElement("div");
    this.element.className = "chart";
    this.element.style.height = `${options.height}px`;
    this.element.setAttribute("role", "img");
    this.element.dataset.testid = "loss-curve";
    this.#resize = new ResizeObserver(() => this.#fit());
    this.#resize.observe(this.element);
    // VS Code changes the theme by the classes and variables of the page.
    this.#theme = new MutationObserver(() => this.#rebuild());
    this.#theme.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  }

  setModel(model: CurveModel, totalSteps: number): void {
    this.#model = model;
    this.#totalSteps = totalSteps;
    this.#zoom = null;
    this.#rebuild();
  }

  /** The model has grown. */
  update(): void {
    if (this.#drawTimer !== undefined) return;
    this.#drawTimer = window.setTimeout(() => {
      this.#drawTimer = undefined;
      this.#draw();
    }, DRAW_EVERY_MS);
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
    if (width === 0) return;
    this.#plot = new uPlot(this.#plotOptions(width), this.#data(), this.element);
    this.#describe();
  }

  #draw(): void {
    this.#plot?.setData(this.#data());
    this.#describe();
  }

  #data(): uPlot.AlignedData {
    const limit = Math.max(100, this.element.clientWidth * POINTS_PER_PIXEL);
    const { steps, loss: raw, smoothed, evalLoss } = this.#model.draw(limit, this.#zoom);
    this.element.dataset.points = String(this.#model.loss.length);
    this.element.dataset.lastStep = String(this.#model.lastStep);
    return [steps, raw, smoothed, evalLoss];
  }

  /** The picture in a sentence; the table behind it holds the figures. */
  #describe(): void {
    const { loss: points, evalLoss, smoothedLast } = this.#model;
    const first = points[0];
    const text =
      first === undefined
        ? t("Loss curve, no steps yet")
        : t(
            "Loss curve: {0} steps, from {1} to {2} smoothed, {3} evals",
            count(points.at(-1)!.step),
            loss(first.value),
            loss(smoothedLast),
            count(evalLoss.length),
          );
    this.element.setAttribute("aria-label", text);
  }

  #plotOptions(width: number): uPlot.Options {
    const colors = readColors(this.element);
    const small = this.options.small === true;
    const axis: uPlot.Axis = {
      show: !small,
      stroke: colors.text,
      font: colors.font,
      grid: { stroke: colors.grid, width: 1 },
      ticks: { stroke: colors.grid, width: 1, size: 4 },
    };
    return {
      width,
      height: this.options.height,
      padding: small ? [4, 4, 4, 4] : [12, 28, 0, 0],
      legend: { show: false },
      cursor: { show: !small, y: false, drag: { x: true, y: false, setScale: false }, points: { show: false } },
      scales: {
        x: { time: false, range: () => this.#range() },
        y: { range: (_plot, low, high) => paddedRange(low, high) },
      },
      axes: [
        {
          ...axis,
          size: 28,
          values: (_plot, steps) => steps.map((step) => (Number.isInteger(step) ? count(step) : "")),
        },
        { ...axis, size: 48 },
      ],
      series: [
        {},
        { stroke: colors.training, width: 1, alpha: 0.35, spanGaps: true, points: { show: false } },
        { stroke: colors.training, width: small ? 1.5 : 2.5, spanGaps: true, points: { show: false } },
        {
          stroke: colors.evaluation,
          width: 1.5,
          dash: [4, 4],
          spanGaps: true,
          points: { show: true, size: small ? 5 : 8, stroke: colors.evaluation, fill: colors.evaluation },
        },
      ],
      hooks: {
        drawClear: [(plot) => this.#drawCheckpoints(plot, colors)],
        setCursor: [(plot) => this.#read(plot)],
        setSelect: [(plot) => this.#select(plot)],
        ready: [(plot) => plot.over.addEventListener("dblclick", () => this.#setZoom(null))],
      },
    };
  }

  /** A run's whole length, so that the curve grows into its place. */
  #range(): [number, number] {
    if (this.#zoom !== null) return [this.#zoom.from, this.#zoom.to];
    return [0, Math.max(this.#totalSteps, this.#model.lastStep, 1)];
  }

  #drawCheckpoints(plot: uPlot, colors: Colors): void {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = colors.mark;
    ctx.fillStyle = colors.mark;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([2 * devicePixelRatio, 4 * devicePixelRatio]);
    const half = (this.options.small ? 2.5 : 4) * devicePixelRatio;
    for (const step of this.#model.checkpoints) {
      const x = Math.round(plot.valToPos(step, "x", true));
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      const bottom = bbox.top + bbox.height;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bottom);
      if (!this.options.small) ctx.stroke();
      ctx.beginPath();
      ctx.moveTo(x, bottom - 2 * half);
      ctx.lineTo(x + half, bottom - half);
      ctx.lineTo(x, bottom);
      ctx.lineTo(x - half, bottom - half);
      ctx.fill();
    }
    ctx.restore();
  }

  #read(plot: uPlot): void {
    const { onReadout } = this.options;
    const index = plot.cursor.idx;
    if (onReadout === undefined) return;
    if (index === null || index === undefined || (plot.cursor.left ?? -1) < 0) {
      onReadout("");
      return;
    }
    const [steps, raw, smoothed, evals] = plot.data;
    const parts = [t("Step {0}", count(steps[index]!))];
    const value = (series: typeof raw) => series?.[index] ?? null;
    if (value(raw) !== null) parts.push(t("loss {0}", loss(value(raw)!)));
    if (value(smoothed) !== null) parts.push(t("smoothed {0}", loss(value(smoothed)!)));
    if (value(evals) !== null) parts.push(t("eval loss {0}", loss(value(evals)!)));
    onReadout(parts.join(" · "));
  }

  #select(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < 4) return;
    const from = Math.floor(plot.posToVal(left, "x"));
    const to = Math.ceil(plot.posToVal(left + width, "x"));
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (to - from >= 2) this.#setZoom({ from, to });
  }

  #setZoom(zoom: { from: number; to: number } | null): void {
    this.#zoom = zoom;
    this.#draw();
  }
}

interface Colors {
  text: string;
  grid: string;
  training: string;
  evaluation: string;
  mark: string;
  font: string;
}

function readColors(parent: HTMLElement): Colors {
  return {
    text: resolveColor(parent, "var(--vscode-foreground)"),
    grid: resolveColor(parent, "var(--tunesmith-grid)"),
    training: resolveColor(parent, "var(--vscode-charts-blue)"),
    evaluation: resolveColor(parent, "var(--vscode-charts-orange)"),
    mark: resolveColor(parent, "var(--vscode-descriptionForeground)"),
    font: chartFont(parent),
  };
}
