import * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import type { EngineMeasuring, EnginePlan } from "../../protocol/engine";
import type { ToForecast } from "../../protocol/forecastView";
import type { PlanForm } from "../../protocol/planForm";
import type { DataSummary } from "../../protocol/webview";
import { adviceFor } from "../../run/advice";
import { ForecastRefused, forecastData, forecastRun } from "../../run/forecast";
import { gpuHolder } from "../../run/machineRuns";
import { usableInTurn } from "../../run/memoryInTurn";
import type { NewRun } from "../../run/runDirectory";
import type { Services } from "../context";
import { newRun } from "../runs/planForm";
import { engineOf } from "../runs/startRun";
import { readSettings } from "../settings";
import type { PlanTurn } from "./planTurn";

type Shown = Extract<ToForecast, { type: "forecast" }>;
type Measuring = Extract<ToForecast, { type: "measuring" }>;

/** What is asked of the engine: a form without errors, and what its data come to. */
interface Question {
  form: PlanForm;
  summary: DataSummary;
  run: NewRun;
  /** The same where the answer is. */
  key: string;
}

/** What the run of one plan would take: asked at each change of the form, measured when a person wants it. */
export class PlanForecast implements vscode.Disposable {
  #shown: Shown = { type: "forecast", state: "loading" };
  #progress: Measuring = { type: "measuring", state: "idle" };
  #question: Question | undefined;
  #asking: AbortController | undefined;
  #measuring: AbortController | undefined;
  /** What was measured last stays true when the form comes back to it. */
  #measured: { key: string; plan: EnginePlan } | undefined;

  constructor(
    private readonly services: Services,
    private readonly dataset: vscode.Uri,
    private readonly turn: PlanTurn,
    private readonly post: (message: ToForecast) => void,
  ) {}

  /** For a page that has just come up. */
  show(): void {
    this.post(this.#shown);
    this.post(this.#progress);
  }

  /** What is free has changed: the next question is asked even if it is the last one. */
  forget(): void {
    this.#question = undefined;
  }

  /** Asks the engine what the run would take, unless that is what it was last asked. */
  async ask(form: PlanForm, summary: DataSummary): Promise<void> {
    const question = this.#questionOf(form, summary);
    if (question.key === this.#question?.key) return;
    this.#question = question;
    this.#measuring?.abort();
    this.#asking?.abort();
    if (this.#measured?.key === question.key) {
      this.#showPlan(question, this.#measured.plan);
      return;
    }
    const asking = new AbortController();
    this.#asking = asking;
    this.#show({ type: "forecast", state: "loading" });
    try {
      const plan = await this.#forecast(question, asking.signal);
      if (asking === this.#asking) this.#showPlan(question, plan);
    } catch (error) {
      if (asking !== this.#asking || asking.signal.aborted) return;
      // Memory may have become free when it is asked again.
      this.#question = undefined;
      this.#showError(error, question);
    }
  }

  /** Computes two steps of the run as it is planned. */
  async measure(): Promise<void> {
    const question = this.#question;
    if (question === undefined || this.#measuring !== undefined) return;
    const measuring = new AbortController();
    this.#measuring = measuring;
    const tell = (message: Measuring) => {
      this.#progress = message;
      this.post(message);
    };
    tell({ type: "measuring", state: "running", stage: "loading", fraction: 0 });
    try {
      await this.#requireFreeGpu();
      const plan = await this.#forecast(question, measuring.signal, (progress) => {
        if (!measuring.signal.aborted) tell({ type: "measuring", state: "running", ...progress });
      });
      this.#measured = { key: question.key, plan };
      this.#showPlan(question, plan);
      tell({ type: "measuring", state: "idle" });
    } catch (error) {
      if (measuring.signal.aborted) tell({ type: "measuring", state: "idle" });
      else tell({ type: "measuring", state: "failed", message: describeError(error) });
    } finally {
      this.#measuring = undefined;
    }
  }

  /** Beside a run on the GPU neither its speed nor its memory would be what is measured. */
  async #requireFreeGpu(): Promise<void> {
    const { state } = this.#shown;
    if (state !== "ready" || !this.#shown.forecast.device.startsWith("cuda")) return;
    const holder = await gpuHolder();
    if (holder === undefined) return;
    throw new Error(vscode.l10n.t("{0} computes on the GPU: measure when it has ended.", holder.name));
  }

  cancelMeasure(): void {
    this.#measuring?.abort();
  }

  #questionOf(form: PlanForm, summary: DataSummary): Question {
    const run = newRun(form, {
      dataset: this.dataset.fsPath,
      choice: summary.choice,
      threads: readSettings().threads,
      sequences: summary.packed.train,
    });
    // A name changes nothing.
    return { form, summary, run, key: JSON.stringify([{ ...run, name: "" }, forecastData(summary)]) };
  }

  async #forecast(
    { run, summary }: Question,
    signal: AbortSignal,
    onMeasuring?: (progress: EngineMeasuring) => void,
  ): Promise<EnginePlan> {
    return forecastRun({
      engine: await engineOf(this.services),
      run,
      ...forecastData(summary),
      runsFolder: this.services.runs.folderFor(this.dataset) ?? null,
      signal,
      ...(onMeasuring === undefined ? {} : { onMeasuring }),
    });
  }

  #showPlan({ form, summary }: Question, plan: EnginePlan): void {
    this.#show({ type: "forecast", state: "ready", forecast: plan, advice: adviceFor(form, plan, summary) });
  }

  #showError(error: unknown, question: Question): void {
    const { fixes, memory } = error instanceof ForecastRefused ? error : { fixes: [], memory: null };
    const missing = memory === null ? null : { ...memory, inTurn: this.#enoughInTurn(memory, question) };
    this.#show({ type: "forecast", state: "error", message: describeError(error), memory: missing, fixes });
  }

  #enoughInTurn({ least, usable }: { least: number; usable: number }, { run }: Question): number | null {
    const ahead = this.turn.ahead.map((other) => ({ device: other.spec.device, head: other.head() }));
    const then = usableInTurn({ device: run.device, limit: run.memoryBudget }, usable, ahead);
    return least <= then ? then : null;
  }

  #show(message: Shown): void {
    this.#shown = message;
    this.post(message);
  }

  dispose(): void {
    this.#asking?.abort();
    this.#measuring?.abort();
  }
}
