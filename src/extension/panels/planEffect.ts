import type * as vscode from "vscode";
import type { FormField, PlanForm, PlanSettings } from "../../protocol/planForm";
import type { FieldEffect } from "../../protocol/planView";
import type { DataSummary } from "../../protocol/webview";
import { ForecastRefused, forecastData, forecastRun } from "../../run/forecast";
import { changedSettings } from "../../run/planSettings";
import type { NewRun } from "../../run/runDirectory";
import type { Services } from "../context";
import { checkForm, newRun } from "../runs/planForm";
import { engineOf } from "../runs/startRun";
import { readSettings } from "../settings";

interface Amount {
  bytes: number;
  seconds: number;
}

/** Forecasts that are kept; a person goes back and forth between a few values. */
const KEPT = 32;
/** They decide which rows are held out, which only a new count can say. */
const ofData: readonly FormField[] = ["heldOutPercent", "seed"];

/** What one field's present value changes in the forecast, against the preset's: two plans, the rest the same. */
export class PlanEffect implements vscode.Disposable {
  /** Null: it does not fit. */
  readonly #known = new Map<string, Amount | null>();
  #asking: AbortController | undefined;

  constructor(
    private readonly services: Services,
    private readonly dataset: vscode.Uri,
  ) {}

  /** Null where there is nothing to say: the field is as in the preset, wrong, or none that the forecast depends on. */
  async of(field: FormField, form: PlanForm, preset: PlanSettings, summary: DataSummary): Promise<FieldEffect | null> {
    this.#asking?.abort();
    if (ofData.includes(field) || !changedSettings(form, preset).some((name) => name === field)) return null;
    const before = withPresetValue(form, preset, field);
    const silent = (message: string) => message;
    if (Object.keys({ ...checkForm(form, silent), ...checkForm(before, silent) }).length > 0) return null;
    const asking = new AbortController();
    this.#asking = asking;
    const now = await this.#amount(form, summary, asking.signal);
    const then = await this.#amount(before, summary, asking.signal);
    // What does not fit now, the forecast itself says.
    if (now === null) return null;
    if (then === null) return { kind: "needed" };
    return { kind: "difference", bytes: now.bytes - then.bytes, seconds: now.seconds - then.seconds };
  }

  async #amount(form: PlanForm, summary: DataSummary, signal: AbortSignal): Promise<Amount | null> {
    const data = forecastData(summary);
    const run = newRun(form, {
      dataset: this.dataset.fsPath,
      choice: summary.choice,
      threads: readSettings().threads,
      trainTokens: data.trainTokens,
    });
    const key = JSON.stringify([{ ...run, name: "" }, data]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const amount = await this.#ask(run, data, signal);
    if (this.#known.size === KEPT) this.#known.clear();
    this.#known.set(key, amount);
    return amount;
  }

  async #ask(run: NewRun, data: ReturnType<typeof forecastData>, signal: AbortSignal): Promise<Amount | null> {
    try {
      const { forecastBytes, seconds } = await forecastRun({
        engine: await engineOf(this.services),
        run,
        ...data,
        runsFolder: this.services.runs.folderFor(this.dataset) ?? null,
        signal,
      });
      return { bytes: forecastBytes, seconds };
    } catch (error) {
      if (error instanceof ForecastRefused) return null;
      throw error;
    }
  }

  dispose(): void {
    this.#asking?.abort();
  }
}

/** Passes and steps are one thing: the preset's number counts as the preset counts. */
function withPresetValue(form: PlanForm, preset: PlanSettings, field: FormField): PlanForm {
  if (field !== "length" && field !== "epochs" && field !== "steps")
    return { ...form, [field]: preset[field as keyof PlanSettings] };
  return { ...form, length: preset.length, epochs: preset.epochs, steps: preset.steps };
}
