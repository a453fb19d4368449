import type { SeriesName } from "../../src/protocol/curveView";
import { element, setText } from "../dom";
import { t } from "../texts";
import type { CurveModel, StepRange } from "./curveModel";
import { SeriesPicture } from "./seriesChart";
import { seriesLabel, seriesText } from "./seriesText";
import { StepChart, type StepChartOptions } from "./stepChart";

const HEIGHT = 130;
const names = [
  "learningRate",
  "gradientNorm",
  "tokensPerSecond",
  "memory",
  "utilisation",
  "temperature",
] as const satisfies readonly SeriesName[];
/** What a GPU alone tells; elsewhere they have no chart. */
const ofGpu: ReadonlySet<SeriesName> = new Set(["utilisation", "temperature"]);

interface Small {
  element: HTMLElement;
  picture: SeriesPicture;
  chart: StepChart;
  value: HTMLElement;
  nothing: HTMLElement;
}

type Asked = Pick<StepChartOptions, "onZoom" | "onChoose"> & {
  onStep(from: StepChart, step: number | null, byKeyboard: boolean): void;
};

/** Learning rate, gradient norm, speed, memory and what a GPU tells of itself, each in a chart of its own, all over the same steps. */
export class SmallCharts {
  readonly element = element("div", { class: "small-charts" });
  readonly #all: Small[];
  #step: number | null = null;

  constructor(
    private model: CurveModel,
    totalSteps: number,
    asked: Asked,
  ) {
    this.#all = names.map((name) => this.#make(name, totalSteps, asked));
  }

  get charts(): readonly StepChart[] {
    return this.#all.map(({ chart }) => chart);
  }

  /** As they are on the screen; those out of sight have none. */
  get pictures(): { label: string; canvas: HTMLCanvasElement | undefined }[] {
    return this.#all.map(({ picture, chart }) => ({ label: seriesLabel(picture.name), canvas: chart.canvas }));
  }

  setModel(model: CurveModel, totalSteps: number): void {
    this.model = model;
    for (const { picture, chart } of this.#all) {
      picture.model = model;
      picture.totalSteps = totalSteps;
      chart.update();
    }
    this.#showValues();
  }

  setTotalSteps(totalSteps: number): void {
    for (const { picture, chart } of this.#all) {
      picture.totalSteps = totalSteps;
      chart.update();
    }
  }

  update(): void {
    for (const { chart } of this.#all) chart.update();
    this.#showValues();
  }

  setZoom(zoom: StepRange | null): void {
    for (const { chart } of this.#all) chart.setZoom(zoom);
  }

  /** The values at a step; null: the last ones. */
  setStep(step: number | null): void {
    this.#step = step;
    this.#showValues();
  }

  /** "learning rate 0.0002, gradient norm 1.2" */
  spoken(step: number): string {
    return names
      .filter((name) => this.model.series[name].length > 0)
      .map((name) => `${seriesLabel(name)} ${seriesText(name, this.model.valueAt(name, step))}`)
      .join(", ");
  }

  dispose(): void {
    for (const { chart } of this.#all) chart.dispose();
  }

  #make(name: SeriesName, totalSteps: number, { onStep, onZoom, onChoose }: Asked): Small {
    const picture = new SeriesPicture(name, this.model, totalSteps);
    const chart: StepChart = new StepChart(picture, {
      height: HEIGHT,
      testId: `curve-${name}`,
      axisWidth: 64,
      onStep: (step, byKeyboard) => onStep(chart, step, byKeyboard),
      ...(onZoom === undefined ? {} : { onZoom }),
      ...(onChoose === undefined ? {} : { onChoose }),
    });
    const value = element("span", { class: "small-value", testId: `value-${name}` });
    const nothing = element("p", { class: "quiet nothing", text: t("No values yet") });
    const heading = element("h3", { text: seriesLabel(name) });
    const frame = element(
      "div",
      { class: "small-chart" },
      element("div", { class: "small-head" }, heading, value),
      element("div", { class: "chart-frame" }, chart.element, nothing),
    );
    this.element.append(frame);
    return { element: frame, picture, chart, value, nothing };
  }

  #showValues(): void {
    for (const { element: frame, picture, value, nothing } of this.#all) {
      const series = this.model.series[picture.name];
      const shown = this.#step === null ? series.lastValue : this.model.valueAt(picture.name, this.#step);
      setText(value, seriesText(picture.name, shown));
      nothing.hidden = series.length > 0;
      frame.hidden = ofGpu.has(picture.name) && series.length === 0;
    }
  }
}
