import type uPlot from "uplot";
import type { SeriesName } from "../../src/protocol/curveView";
import { count } from "../figures";
import { t } from "../texts";
import { type CurveModel, readings, type StepRange } from "./curveModel";
import { seriesLabel, seriesText } from "./seriesText";
import type { StepPicture } from "./stepChart";

/** One series of a run, in a small chart. */
export class SeriesPicture implements StepPicture {
  constructor(
    readonly name: SeriesName,
    public model: CurveModel,
    public totalSteps: number,
  ) {}

  get holds(): boolean {
    return readings.has(this.name);
  }

  lastStep(): number {
    return Math.max(this.totalSteps, this.model.lastStep);
  }

  lastKnown(): number {
    return this.model.lastStep;
  }

  attributes(): Record<string, string> {
    return { points: String(this.model.series[this.name].length) };
  }

  label(): string {
    const series = this.model.series[this.name];
    if (series.length === 0) return t("{0}, no values yet", seriesLabel(this.name));
    return t(
      "{0}: {1} values, the last {2}; arrow keys read the values",
      seriesLabel(this.name),
      count(series.length),
      seriesText(this.name, series.lastValue),
    );
  }

  axisText(value: number): string {
    return seriesText(this.name, value);
  }

  data(limit: number, zoom: StepRange | null): uPlot.AlignedData {
    const { steps, values } = this.model.drawSeries(this.name, limit, zoom);
    return [steps, values];
  }

  series(resolve: (color: string) => string): uPlot.Series[] {
    return [{ stroke: resolve("var(--vscode-charts-blue)"), width: 1, spanGaps: true, points: { show: false } }];
  }
}
