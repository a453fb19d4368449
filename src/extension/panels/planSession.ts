import * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import type { SettingChange } from "../../protocol/engine";
import type { PlanForm } from "../../protocol/planForm";
import type { DataSummary, ToRunPanel } from "../../protocol/webview";
import { applyChanges } from "../../run/fixes";
import type { Services } from "../context";
import { jobSettings } from "../datasets/jobSettings";
import { JobCancelled, runJob } from "../jobs/runJob";
import { checkForm, defaultForm } from "../runs/planForm";
import type { TrackedRun } from "../runs/runRegistry";
import { startRun } from "../runs/startRun";
import { sequenceLengthFor } from "../settings";
import { parseSummary } from "./messages";
import { PlanForecast } from "./planForecast";

/** Typing in a field must not start a count per key. */
const SETTLE_MS = 400;
/** Before the data were looked at. */
const NO_CHOICE: DataSummary["choice"] = { format: "auto", fields: {} };
const translate = (message: string, ...args: string[]) => vscode.l10n.t(message, ...args);

/** A plan for one data set: the form, what the data come to with it, and the start. */
export class PlanSession implements vscode.Disposable {
  form: PlanForm | undefined;
  #summary: DataSummary | undefined;
  #data: Extract<ToRunPanel, { type: "data" }> = { type: "data", state: "loading", fraction: null };
  readonly #forecast: PlanForecast;
  #starting: Extract<ToRunPanel, { type: "starting" | "startFailed" }> | undefined;
  #counting: AbortController | undefined;
  /** What the last count was made with. */
  #counted = "";
  #settle: NodeJS.Timeout | undefined;
  #start: AbortController | undefined;
  readonly #subscriptions: vscode.Disposable[];

  constructor(
    private readonly services: Services,
    readonly dataset: vscode.Uri,
    form: PlanForm | null,
    private readonly post: (message: ToRunPanel) => void,
    private readonly onStarted: (run: TrackedRun) => void,
  ) {
    this.form = form ?? undefined;
    this.#forecast = new PlanForecast(services, dataset, post);
    this.#subscriptions = [
      // Rows mended in the editor count at once.
      vscode.workspace.onDidSaveTextDocument((document) => {
        if (document.uri.toString() === dataset.toString()) this.#countAgain();
      }),
      services.models.onDidChange(() => void this.#postPlan()),
    ];
  }

  /** All that the page shows, for a page that has just come up. */
  async show(): Promise<void> {
    await this.#postPlan();
    this.post(this.#data);
    this.#forecast.show();
    if (this.#starting !== undefined) this.post(this.#starting);
    this.#count();
  }

  async #postPlan(): Promise<void> {
    const models = await this.services.models.choices();
    this.form ??= await this.#defaults();
    const { form } = this;
    if (!models.some((model) => model.path === form.modelPath)) {
      const known = await this.services.models.inspect(form.modelPath);
      if (known.problem === null) models.push(known);
      else form.modelPath = models[0]?.path ?? "";
    }
    const plain = models.map(({ path, label, parameters }) => ({ path, label, parameters }));
    const formErrors = checkForm(form, translate);
    this.post({ type: "plan", dataset: this.dataset.fsPath, models: plain, form, formErrors });
  }

  async #defaults(): Promise<PlanForm> {
    const model = await this.services.models.defaultPath();
    return defaultForm(this.dataset.fsPath, model, sequenceLengthFor(this.dataset));
  }

  change(form: PlanForm): void {
    this.form = form;
    this.post({ type: "formErrors", formErrors: checkForm(form, translate) });
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => {
      this.#count();
      this.#forecastRun();
    }, SETTLE_MS);
  }

  /** A model that was chosen elsewhere while the plan is open. */
  async chooseModel(path: string): Promise<void> {
    if (this.form === undefined) return;
    this.form.modelPath = path;
    await this.#postPlan();
    this.#count();
    this.#forecastRun();
  }

  #countAgain(): void {
    this.#counted = "";
    this.#count();
  }

  /** Counts rows and tokens with what of the form matters to them, unless that is what the last count was made with. */
  #count(): void {
    const { form } = this;
    if (form === undefined) return;
    const errors = checkForm(form, translate);
    if (errors.modelPath || errors.sequenceLength || errors.heldOutPercent || errors.seed) return;
    const args = [
      "--model",
      form.modelPath,
      "--sequence-length",
      String(form.sequenceLength),
      "--held-out",
      String(form.heldOutPercent / 100),
      "--seed",
      String(form.seed),
      "--settings",
      jobSettings(this.dataset),
    ];
    const key = args.join("\n");
    if (key === this.#counted) return;
    this.#counted = key;
    this.#counting?.abort();
    const counting = new AbortController();
    this.#counting = counting;
    void this.#runCount(args, counting);
  }

  async #runCount(args: string[], counting: AbortController): Promise<void> {
    this.#setData({ type: "data", state: "loading", fraction: null });
    try {
      const value = await runJob({
        extensionPath: this.services.extension.extensionPath,
        args: ["summarize", this.dataset.fsPath, ...args],
        signal: counting.signal,
        onProgress: (_stage, fraction) => {
          if (counting === this.#counting) this.#setData({ type: "data", state: "loading", fraction });
        },
      });
      if (counting !== this.#counting) return;
      this.#summary = parseSummary(value);
      this.#setData({ type: "data", state: "ready", summary: this.#summary });
      this.#forecastRun();
    } catch (error) {
      if (counting !== this.#counting || error instanceof JobCancelled) return;
      this.#counted = "";
      this.#summary = undefined;
      this.#setData({ type: "data", state: "error", message: describeError(error) });
    }
  }

  #forecastRun(): void {
    const { form } = this;
    const summary = this.#summary;
    if (form === undefined || summary === undefined || summary.used === 0) return;
    if (Object.keys(checkForm(form, translate)).length === 0) void this.#forecast.ask(form, summary);
  }

  measure(): Promise<void> {
    return this.#forecast.measure();
  }

  cancelMeasure(): void {
    this.#forecast.cancelMeasure();
  }

  /** What a button of the forecast changes in the form. */
  async changeSettings(changes: readonly SettingChange[]): Promise<void> {
    if (this.form === undefined) return;
    this.form = applyChanges(this.form, changes);
    await this.#postPlan();
    this.#count();
    this.#forecastRun();
  }

  #setData(data: Extract<ToRunPanel, { type: "data" }>): void {
    this.#data = data;
    this.post(data);
  }

  async start(form: PlanForm): Promise<void> {
    if (this.#start !== undefined) return;
    this.form = form;
    const formErrors = checkForm(form, translate);
    this.post({ type: "formErrors", formErrors });
    if (Object.keys(formErrors).length > 0) return;
    const start = new AbortController();
    this.#start = start;
    this.#setStarting({ type: "starting", stage: vscode.l10n.t("Preparing the data"), fraction: null });
    const learned = this.#summary?.trainTokens ?? null;
    try {
      const run = await startRun(
        this.services,
        { dataset: this.dataset, form, choice: this.#summary?.choice ?? NO_CHOICE, trainTokens: learned },
        {
          signal: start.signal,
          onProgress: (stage, fraction) => this.#setStarting({ type: "starting", stage, fraction }),
        },
      );
      this.#starting = undefined;
      this.onStarted(run);
    } catch (error) {
      const cancelled = error instanceof JobCancelled;
      if (!cancelled) this.services.log.error(describeError(error));
      const message = cancelled ? vscode.l10n.t("The start was cancelled; nothing was kept.") : describeError(error);
      this.#setStarting({ type: "startFailed", message });
    } finally {
      this.#start = undefined;
    }
  }

  cancelStart(): void {
    this.#start?.abort();
  }

  #setStarting(message: Extract<ToRunPanel, { type: "starting" | "startFailed" }>): void {
    this.#starting = message;
    this.post(message);
  }

  /** A start that is under way goes on without its panel. */
  dispose(): void {
    clearTimeout(this.#settle);
    this.#counting?.abort();
    this.#forecast.dispose();
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}
