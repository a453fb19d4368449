import type uPlot from "uplot";
import type { MarkKind } from "../../src/protocol/curveView";
import { count, loss } from "../figures";
import { t } from "../texts";
import type { CurveModel, StepRange } from "./curveModel";
import { drawMark, markColor, marksToDraw } from "./marks";
import { aboveZero } from "./plotTheme";
import { StepChart, type StepChartOptions, type StepPicture } from "./stepChart";

/** Of more checkpoints than this the lines would hide the curve. */
const MOST_LINES = 12;

/** The losses of one run: of training, thin and smoothed, the evals, and what happened when. */
export class LossChart {
  readonly #picture: LossPicture;
  readonly #chart: StepChart;

  constructor(model: CurveModel, totalSteps: number, options: Omit<StepChartOptions, "testId">) {
    this.#picture = new LossPicture(model, totalSteps, options.bare === true);
    this.#chart = new StepChart(this.#picture, { ...options, testId: "loss-curve" });
  }

  get element(): HTMLElement {
    return this.#chart.element;
  }

  get canvas(): HTMLCanvasElement | undefined {
    return this.#chart.canvas;
  }

  setModel(model: CurveModel, totalSteps: number): void {
    this.#picture.model = model;
    this.#picture.totalSteps = totalSteps;
    this.#chart.draw();
  }

  setTotalSteps(totalSteps: number): void {
    this.#picture.totalSteps = totalSteps;
    this.update();
  }

  setLogScale(logScale: boolean): void {
    this.#picture.log = logScale;
    this.#chart.rebuild();
  }

  /** Without a smoothed line each step's is the one that is read. */
  setSmoothed(smoothed: boolean): void {
    if (this.#picture.smoothed === smoothed) return;
    this.#picture.smoothed = smoothed;
    this.#chart.rebuild();
  }

  /** The model has grown. */
  update(): void {
    this.#chart.update();
  }

  setZoom(zoom: StepRange | null): void {
    this.#chart.setZoom(zoom);
  }

  follow(step: number | null): void {
    this.#chart.follow(step);
  }

  dispose(): void {
    this.#chart.dispose();
  }
}

class LossPicture implements StepPicture {
  log = false;
  smoothed = true;

  constructor(
    public model: CurveModel,
    public totalSteps: number,
    private readonly small: boolean,
  ) {}

  /** A run's whole length, so that the curve grows into its place. */
  lastStep(): number {
    return Math.max(this.totalSteps, this.model.lastStep);
  }

  lastKnown(): number {
    return this.model.lastStep;
  }

  logScale(): boolean {
    return this.log;
  }

  attributes(): Record<string, string> {
    const { loss, evalLoss, marks, lastStep } = this.model;
    return {
      points: String(loss.length),
      evals: String(evalLoss.length),
      marks: String(marks.length),
      lastStep: String(lastStep),
      scale: this.log ? "log" : "linear",
    };
  }

  /** The table behind the picture holds the figures. */
  label(): string {
    const { loss: points, evalLoss, smoothedLast } = this.model;
    if (points.length === 0) return t("Loss curve, no steps yet");
    const said = t(
      "Loss curve: {0} steps, from {1} to {2} smoothed, {3} evals",
      count(points.lastStep),
      loss(points.valueAt(0)),
      loss(smoothedLast),
      count(evalLoss.length),
    );
    return this.small ? said : t("{0}; arrow keys read the values, plus and minus zoom, Enter chooses a step", said);
  }

  data(limit: number, zoom: StepRange | null): uPlot.AlignedData {
    const { steps, ...drawn } = this.model.draw(limit, zoom);
    const series = [drawn.loss, drawn.smoothed, drawn.evalLoss];
    return [steps, ...(this.log ? series.map(aboveZero) : series)];
  }

  series(resolve: (color: string) => string): uPlot.Series[] {
    const training = resolve("var(--vscode-charts-blue)");
    const evaluation = resolve("var(--vscode-charts-orange)");
    const points = { show: false };
    const faint = inHighContrast() ? 0.6 : 0.35;
    return [
      { stroke: training, width: 1, alpha: this.smoothed ? faint : 1, spanGaps: true, points },
      { show: this.smoothed, stroke: training, width: this.small ? 1.5 : 2.5, spanGaps: true, points },
      {
        stroke: evaluation,
        width: 1.5,
        dash: [4, 4],
        spanGaps: true,
        points: { show: true, size: this.small ? 5 : 8, stroke: evaluation, fill: evaluation },
      },
    ];
  }

  /** Along the bottom, where few lines are, each with a line up. */
  drawBehind(plot: uPlot, resolve: (color: string) => string): void {
    const { ctx, bbox } = plot;
    const size = (this.small ? 5 : 9) * devicePixelRatio;
    const pixelOf = (step: number) => plot.valToPos(step, "x", true);
    ctx.save();
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([2 * devicePixelRatio, 4 * devicePixelRatio]);
    const drawn = marksToDraw(this.model.marks, pixelOf, [bbox.left, bbox.left + bbox.width], size);
    const crowded = drawn.filter(({ kind }) => kind === "checkpoint").length > MOST_LINES;
    const bottom = bbox.top + bbox.height;
    for (const { kind, pixel } of drawn) {
      ctx.fillStyle = ctx.strokeStyle = resolve(markColor(kind));
      if (!this.small && !(crowded && kind === "checkpoint")) {
        ctx.beginPath();
        ctx.moveTo(pixel, bbox.top);
        ctx.lineTo(pixel, bottom);
        ctx.stroke();
      }
      drawMark(ctx, kind, pixel, bottom - size / 2 - rows[kind] * size * 1.2, size);
    }
    ctx.restore();
  }

  /** The best eval, over its point. */
  drawOver(plot: uPlot, resolve: (color: string) => string): void {
    const { bestStep } = this.model;
    const value = bestStep === null ? null : this.model.evalLoss.exactly(bestStep);
    if (bestStep === null || value === null || (this.log && value <= 0)) return;
    const { ctx, bbox } = plot;
    const x = plot.valToPos(bestStep, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) return;
    ctx.save();
    ctx.fillStyle = resolve(markColor("best"));
    drawMark(ctx, "best", x, plot.valToPos(value, "y", true), (this.small ? 8 : 15) * devicePixelRatio);
    ctx.restore();
  }
}

/** Each kind in a row of its own, counted from the bottom: they are often at one step. */
const rows: Record<MarkKind, number> = {
  checkpoint: 0,
  best: 0,
  paused: 1,
  attempt: 1,
  resumed: 2,
  "learning-rate": 3,
  warning: 4,
};

const inHighContrast = () => document.body.matches(".vscode-high-contrast, .vscode-high-contrast-light");
