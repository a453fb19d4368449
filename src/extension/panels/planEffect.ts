import type * as vscode from "vscode";
import type { PlanForm } from "../../protocol/planForm";
import type { FieldEffect } from "../../protocol/planView";
import type { DataSummary } from "../../protocol/webview";
import { ForecastRefused, forecastData, forecastRun } from "../../run/forecast";
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

/** What one field's present value changes in the forecast: two plans, the rest the same. */
export class PlanEffect implements vscode.Disposable {
  /** Null: it does not fit. */
  readonly #known = new Map<string, Amount | null>();
  #asking: AbortController | undefined;

  constructor(
    private readonly services: Services,
    private readonly dataset: vscode.Uri,
    /** What the data come to with a form. */
    private readonly count: (form: PlanForm, signal: AbortSignal) => Promise<DataSummary>,
  ) {}

  /** Of `form` against `before`; null where there is nothing to say: one of them is wrong, or has no rows to learn. */
  async of(form: PlanForm, before: PlanForm): Promise<FieldEffect | null> {
    this.stop();
    const silent = (message: string) => message;
    if (Object.keys({ ...checkForm(form, silent), ...checkForm(before, silent) }).length > 0) return null;
    const asking = new AbortController();
    this.#asking = asking;
    const data = await this.count(form, asking.signal);
    const dataBefore = await this.count(before, asking.signal);
    if (data.used === 0 || dataBefore.used === 0) return null;
    const now = await this.#amount(form, data, asking.signal);
    const then = await this.#amount(before, dataBefore, asking.signal);
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
      sequences: summary.packed.train,
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

  /** What was asked last is of no interest any more. */
  stop(): void {
    this.#asking?.abort();
  }

  dispose(): void {
    this.stop();
  }
}
