import type uPlot from "uplot";
import type { CurveModel, StepRange } from "../curve/curveModel";
import { aboveZero } from "../curve/plotTheme";
import { StepChart, type StepChartOptions, type StepPicture } from "../curve/stepChart";
import { type CurveKind, overlay } from "./overlay";
import { lookOf } from "./runLine";

export interface OverlayLine {
  slot: number;
  model: CurveModel;
}

export interface OverlayMode {
  smoothed: boolean;
  logScale: boolean;
}

/** One curve of each run over one another. */
export class OverlayChart {
  readonly #picture: OverlayPicture;
  readonly #chart: StepChart;

  constructor(kind: CurveKind, options: StepChartOptions) {
    this.#picture = new OverlayPicture(kind);
    this.#chart = new StepChart(this.#picture, options);
  }

  get element(): HTMLElement {
    return this.#chart.element;
  }

  /** The runs that are drawn, and how. */
  show(lines: readonly OverlayLine[], mode: OverlayMode, label: string): void {
    this.#picture.show(lines, mode, label);
    this.#chart.rebuild();
  }

  /** Curves have grown. */
  update(): void {
    this.#chart.update();
  }

  setZoom(zoom: StepRange | null): void {
    this.#chart.setZoom(zoom);
  }

  /** Puts the cursor's line where another chart's is. */
  follow(step: number | null): void {
    this.#chart.follow(step);
  }

  dispose(): void {
    this.#chart.dispose();
  }
}

class OverlayPicture implements StepPicture {
  #lines: readonly OverlayLine[] = [];
  #mode: OverlayMode = { smoothed: true, logScale: false };
  #label = "";

  constructor(private readonly kind: CurveKind) {}

  show(lines: readonly OverlayLine[], mode: OverlayMode, label: string): void {
    this.#lines = lines;
    this.#mode = mode;
    this.#label = label;
  }

  label(): string {
    return this.#label;
  }

  logScale(): boolean {
    return this.#mode.logScale;
  }

  lastStep(): number {
    return Math.max(0, ...this.#lines.map((line) => line.model.lastStep));
  }

  lastKnown(): number {
    return this.lastStep();
  }

  attributes(): Record<string, string> {
    const points = this.#lines.reduce((sum, { model }) => sum + model[this.kind].length, 0);
    return { lines: String(this.#lines.length), points: String(points) };
  }

  data(limit: number, zoom: StepRange | null): uPlot.AlignedData {
    const models = this.#lines.map((line) => line.model);
    const { steps, series } = overlay(models, this.kind, limit, zoom);
    const shown = series.flatMap(({ each, smoothed }) => [each, smoothed]);
    return [steps, ...(this.#mode.logScale ? shown.map(aboveZero) : shown)];
  }

  /** Each step faint behind the smoothed line, or alone; of the held-out loss every point is marked. */
  series(resolve: (color: string) => string): uPlot.Series[] {
    const { smoothed } = this.#mode;
    return this.#lines.flatMap(({ slot }): uPlot.Series[] => {
      const { color, dash } = lookOf(slot);
      const stroke = resolve(color);
      if (this.kind === "evalLoss") {
        const points = { show: true, size: 7, stroke, fill: stroke };
        return [{ stroke, width: 2, dash, spanGaps: true, points }, { show: false }];
      }
      const points = { show: false };
      return [
        { stroke, width: 1, alpha: smoothed ? 0.25 : 1, dash: smoothed ? [] : dash, spanGaps: true, points },
        { show: smoothed, stroke, width: 2.5, dash, spanGaps: true, points },
      ];
    });
  }
}
