import type { CurveModel } from "../curve/curveModel";
import { element, setText } from "../dom";
import { loss } from "../figures";
import { t } from "../texts";
import { swatch } from "./runLine";

export interface LegendRun {
  id: string;
  name: string;
  slot: number;
  model: CurveModel;
}

interface Entry {
  run: LegendRun;
  button: HTMLButtonElement;
  values: HTMLElement;
}

/** The runs with their lines: a press hides or shows one; beside each its values at the step that is looked at. */
export class Legend {
  readonly element = element("ul", { class: "legend", testId: "legend" });
  #entries: Entry[] = [];

  constructor(private readonly toggle: (id: string) => void) {}

  show(runs: readonly LegendRun[], hidden: ReadonlySet<string>): void {
    this.#entries = runs.map((run) => this.#entry(run));
    this.element.replaceChildren(...this.#entries.map(({ button, values }) => element("li", {}, button, values)));
    this.setHidden(hidden);
    this.setStep(null);
  }

  setHidden(hidden: ReadonlySet<string>): void {
    for (const { run, button } of this.#entries) {
      button.setAttribute("aria-pressed", String(!hidden.has(run.id)));
      button.title = hidden.has(run.id) ? t("Show this run's curves") : t("Hide this run's curves");
    }
  }

  /** The values at a step; null: the last of each run. */
  setStep(step: number | null): void {
    for (const { run, values } of this.#entries) setText(values, valuesText(run.model, step));
  }

  /** What `setStep` shows, for a screen reader. */
  spoken(step: number, hidden: ReadonlySet<string>): string {
    const shown = this.#entries.filter(({ run }) => !hidden.has(run.id));
    return shown.map(({ run }) => `${run.name}: ${valuesText(run.model, step)}`).join("; ");
  }

  #entry(run: LegendRun): Entry {
    const name = element("span", { class: "legend-name", text: run.name });
    const button = element("button", { class: "legend-toggle" }, swatch(run.slot), name);
    button.type = "button";
    button.addEventListener("click", () => this.toggle(run.id));
    return { run, button, values: element("span", { class: "quiet legend-values" }) };
  }
}

function valuesText(model: CurveModel, step: number | null): string {
  const at = model.at(step ?? model.lastStep);
  const parts: string[] = [];
  if (at.smoothed !== null) parts.push(t("loss {0}", loss(at.smoothed)));
  if (at.evalLoss !== null) parts.push(t("held-out {0}", loss(at.evalLoss)));
  return parts.length === 0 ? t("no value here") : parts.join(" · ");
}
