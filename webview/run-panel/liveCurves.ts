import type { CurvePiece } from "../../src/protocol/curveView";
import type { ToLiveView } from "../../src/protocol/liveView";
import type { CurveLook, FromRunPanel, ToRunPanel } from "../../src/protocol/webview";
import { base64, drawPicture, type PicturePart, toClipboard } from "../curve/copyPicture";
import { CurveModel, type StepRange } from "../curve/curveModel";
import { CurveTable } from "../curve/curveTable";
import { LossChart } from "../curve/lossChart";
import { markEntry, markKinds, markText } from "../curve/marks";
import { seriesLabel } from "../curve/seriesText";
import { SmallCharts } from "../curve/smallCharts";
import { smoothingWindow } from "../curve/smoothing";
import type { StepChart } from "../curve/stepChart";
import { element, linkButton, liveRegion, setText } from "../dom";
import { count, loss } from "../figures";
import { checkbox, slider } from "../inputs";
import { t } from "../texts";
import { SMOOTHEST, SUITABLE } from "./curveLook";
import type { KeptPage } from "./keptPage";

const CHART_HEIGHT = 340;
const SAID_FOR_MS = 5000;

/** 0: none; 1 at the suitable place; four times as many steps at the end. */
const smoothingAt = (place: number) => (place / SUITABLE) ** 2;

/** A run's curves over the same steps: the losses large, the others small beneath, and the table behind them. */
export class LiveCurves {
  readonly element: HTMLElement;
  #model = new CurveModel(0);
  #totalSteps = 0;
  #look: CurveLook;
  #title = "";
  readonly #loss: LossChart;
  readonly #small: SmallCharts;
  readonly #table = new CurveTable(this.#model);
  readonly #legend = element("div", { class: "legend", testId: "legend" });
  readonly #readout = element("span", { class: "readout", testId: "readout", attributes: { "aria-hidden": "true" } });
  readonly #showAll = linkButton(t("Show all steps"), () => this.#chooseZoom(null), "show-all");
  readonly #said = element("span", { class: "quiet", role: "status", testId: "copied" });
  readonly #spoken = liveRegion();
  #saidTimer: number | undefined;

  constructor(
    private readonly post: (message: FromRunPanel) => void,
    private readonly kept: KeptPage,
    chooseStep: (step: number) => void,
  ) {
    this.#look = kept.state.curves;
    const onZoom = (range: StepRange | null) => this.#chooseZoom(range);
    this.#loss = new LossChart(this.#model, 0, {
      height: CHART_HEIGHT,
      onStep: (step, byKeyboard) => this.#read(this.#loss, step, byKeyboard),
      onZoom,
      onChoose: chooseStep,
    });
    this.#small = new SmallCharts(this.#model, 0, {
      onStep: (chart, step, byKeyboard) => this.#read(chart, step, byKeyboard),
      onZoom,
      onChoose: chooseStep,
    });
    this.#loss.setSmoothed(this.#look.smoothing > 0);
    this.#loss.setLogScale(this.#look.logarithmic);
    this.element = element(
      "section",
      { class: "curve", attributes: { "aria-label": t("Curves") } },
      this.#legend,
      this.#toolbar(),
      element("div", { class: "chart-frame" }, this.#loss.element, this.#readout),
      this.#small.element,
      this.#table.element,
      this.#spoken,
    );
    this.#showLegend();
    this.#zoomTo(kept.state.zoom);
  }

  get model(): CurveModel {
    return this.#model;
  }

  /** The run as it is told by its head. */
  setRun(name: string, totalSteps: number): void {
    this.#title = name;
    if (totalSteps === this.#totalSteps) return;
    this.#totalSteps = totalSteps;
    this.#model.setSmoothing(totalSteps, smoothingAt(this.#look.smoothing));
    this.#loss.setTotalSteps(totalSteps);
    this.#small.setTotalSteps(totalSteps);
  }

  receive(message: ToRunPanel): void {
    if (message.type === "curve") this.#append(message);
    if (message.type === "curvesCopied") this.#onCopied(message);
  }

  dispose(): void {
    clearTimeout(this.#saidTimer);
    this.#loss.dispose();
    this.#small.dispose();
    this.#table.dispose();
  }

  #append(piece: CurvePiece): void {
    if (piece.restart) {
      this.#model = new CurveModel(this.#totalSteps, smoothingAt(this.#look.smoothing));
      this.#model.append(piece);
      this.#loss.setModel(this.#model, this.#totalSteps);
      this.#small.setModel(this.#model, this.#totalSteps);
      this.#table.setModel(this.#model);
    } else {
      this.#model.append(piece);
      this.#loss.update();
      this.#small.update();
      this.#table.update();
    }
    if (piece.restart || piece.marks.length > 0) this.#showLegend();
  }

  /** Each line and mark by its shape as well as its colour; of marks those that are there. */
  #showLegend(): void {
    const line = (kind: string, text: string) =>
      element("span", { class: "legend-entry" }, element("span", { class: `swatch ${kind}` }), text);
    const present = new Set(this.#model.marks.map(({ kind }) => kind));
    this.#legend.replaceChildren(
      line("raw", t("training, each step")),
      line("smoothed", t("training, smoothed")),
      line("eval", t("held-out rows")),
      ...markKinds.filter((kind) => present.has(kind)).map(markEntry),
    );
  }

  #toolbar(): HTMLElement {
    const place = (value: number) =>
      value === 0
        ? t("no smoothing")
        : t("over about {0} steps", count(smoothingWindow(this.#totalSteps, smoothingAt(value))));
    return element(
      "div",
      { class: "actions curve-tools" },
      slider(t("Smoothing"), {
        most: SMOOTHEST,
        value: this.#look.smoothing,
        testId: "smoothing",
        say: place,
        onChange: (value) => this.#setSmoothing(value),
      }),
      checkbox(t("Logarithmic"), this.#look.logarithmic, "log-scale", (on) => this.#setLogScale(on)),
      this.#showAll,
      element("span", { class: "spacer" }),
      this.#said,
      linkButton(t("Copy as PNG"), () => void this.#copyPicture(), "copy-png"),
      linkButton(t("Copy as CSV"), () => this.post({ type: "copyCsv" }), "copy-csv"),
    );
  }

  #setLogScale(logarithmic: boolean): void {
    this.#keep({ logarithmic });
    this.#loss.setLogScale(logarithmic);
  }

  #keep(changes: Partial<CurveLook>): void {
    this.#look = { ...this.#look, ...changes };
    this.kept.keep({ curves: this.#look });
  }

  #setSmoothing(place: number): void {
    this.#keep({ smoothing: place });
    this.#model.setSmoothing(this.#totalSteps, smoothingAt(place));
    this.#loss.setSmoothed(place > 0);
    this.#loss.update();
    this.#table.update();
  }

  #chooseZoom(range: StepRange | null): void {
    this.kept.keep({ zoom: range });
    this.#zoomTo(range);
  }

  #zoomTo(range: StepRange | null): void {
    this.#loss.setZoom(range);
    this.#small.setZoom(range);
    this.#table.setZoom(range);
    this.#showAll.hidden = range === null;
    this.element.dataset.zoom = range === null ? "" : `${range.from}-${range.to}`;
  }

  #read(from: LossChart | StepChart, step: number | null, byKeyboard: boolean): void {
    for (const chart of [this.#loss, ...this.#small.charts]) if (chart !== from) chart.follow(step);
    this.#small.setStep(step);
    const text = step === null ? "" : this.#textAt(step);
    setText(this.#readout, text);
    if (byKeyboard && step !== null) setText(this.#spoken, `${text}. ${this.#small.spoken(step)}`);
  }

  #textAt(step: number): string {
    const at = this.#model.at(step);
    const parts = [t("Step {0}", count(step))];
    if (at.loss !== null) parts.push(t("loss {0}", loss(at.loss)));
    if (at.smoothed !== null) parts.push(t("smoothed {0}", loss(at.smoothed)));
    if (at.evalLoss !== null) parts.push(t("eval loss {0}", loss(at.evalLoss)));
    parts.push(...this.#model.marks.filter((mark) => mark.step === step).map(markText));
    return parts.join(" · ");
  }

  async #copyPicture(): Promise<void> {
    const parts: PicturePart[] = [];
    const add = (title: string, canvas: HTMLCanvasElement | undefined) => {
      if (canvas !== undefined) parts.push({ title, canvas });
    };
    add(`${this.#title} · ${seriesLabel("loss")}`, this.#loss.canvas);
    for (const { label, canvas } of this.#small.pictures) add(label, canvas);
    const picture = await drawPicture(parts);
    if (await toClipboard(picture)) this.#onCopied({ what: "png", rows: null, file: null });
    else this.post({ type: "savePng", data: await base64(picture) });
  }

  #onCopied({ what, rows, file }: Omit<ToLiveView, "type">): void {
    let text = what === "png" ? t("The picture is copied.") : t("{0} rows are copied.", count(rows ?? 0));
    if (file !== null) text = t("Saved in {0}.", file);
    setText(this.#said, text);
    clearTimeout(this.#saidTimer);
    this.#saidTimer = window.setTimeout(() => setText(this.#said, ""), SAID_FOR_MS);
  }
}
