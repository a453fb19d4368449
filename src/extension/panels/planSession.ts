import { basename } from "node:path";
import * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import type { SettingChange } from "../../protocol/engine";
import type { FormErrors, FormField, PlanForm } from "../../protocol/planForm";
import type { DataSummary, ModelChoice, ToRunPanel } from "../../protocol/webview";
import { applyChanges } from "../../run/fixes";
import type { Services } from "../context";
import { heldOutSetting } from "../datasets/heldOutSetting";
import { jobSettings } from "../datasets/jobSettings";
import { JobCancelled, runJob } from "../jobs/runJob";
import { checkForm, defaultForm } from "../runs/planForm";
import type { StartOptions } from "../runs/preparations";
import type { TrackedRun } from "../runs/runRegistry";
import { startRun } from "../runs/startRun";
import { sequenceLengthFor } from "../settings";
import { parseSummary } from "./messages";
import { openRow } from "./openRow";
import { withFieldLeftAlone } from "./planBaseline";
import { PlanCount } from "./planCount";
import { PlanEffect } from "./planEffect";
import { PlanForecast } from "./planForecast";
import { PlanPresets } from "./planPresets";
import { PlanTurn } from "./planTurn";

/** Typing in a field must not start a count per key. */
const SETTLE_MS = 400;
/** An engine that has said its last word still gives its memory back. */
const GIVES_BACK_MS = 1500;
/** What of the form says which rows there are, and on which side. */
const decideRows: readonly FormField[] = [
  "modelPath",
  "weight",
  "mixture",
  "completionPercent",
  "completionFrom",
  "completionFolder",
  "sequenceLength",
  "heldOutPercent",
  "heldOutPath",
  "seed",
];
const translate = (message: string, ...args: string[]) => vscode.l10n.t(message, ...args);

/** A plan for one data set: the form, what the data come to with it, and the start. */
export class PlanSession implements vscode.Disposable {
  form: PlanForm | undefined;
  /** Of the form's base model, where it cannot be used. */
  #modelProblem: { path: string; message: string } | undefined;
  /** What the form was opened with; undefined: it has not been shown yet. */
  #begun: PlanForm | undefined;
  readonly #count: PlanCount;
  readonly #forecast: PlanForecast;
  readonly #turn: PlanTurn;
  readonly #effect: PlanEffect;
  readonly #presets: PlanPresets;
  /** The presets of this panel are known. */
  #prepared = false;
  #starting: Extract<ToRunPanel, { type: "starting" | "startFailed" }> | undefined;
  #settle: NodeJS.Timeout | undefined;
  #effectSettle: NodeJS.Timeout | undefined;
  #againSettle: NodeJS.Timeout | undefined;
  #start: AbortController | undefined;
  #disposed = false;
  readonly #subscriptions: vscode.Disposable[];

  constructor(
    private readonly services: Services,
    readonly dataset: vscode.Uri,
    form: PlanForm | null,
    private readonly post: (message: ToRunPanel) => void,
    private readonly onStarted: (run: TrackedRun) => void,
  ) {
    this.form = form ?? undefined;
    this.#count = new PlanCount(
      async (args, { signal, onProgress }) =>
        parseSummary(
          await runJob({
            extensionPath: services.extension.extensionPath,
            args: ["summarize", dataset.fsPath, ...args],
            signal,
            onProgress: (_stage, fraction) => onProgress(fraction),
          }),
        ),
      (data) => {
        post(data);
        if (data.state === "ready" && !this.#disposed) this.#forecastRun();
      },
    );
    this.#turn = new PlanTurn(services, dataset);
    this.#forecast = new PlanForecast(services, dataset, this.#turn, post);
    this.#effect = new PlanEffect(services, dataset, (counted, signal) =>
      this.#count.compare(countArguments(counted, jobSettings(dataset)), signal),
    );
    this.#presets = new PlanPresets(services, dataset);
    this.#subscriptions = [
      // Rows mended in the editor count at once.
      vscode.workspace.onDidSaveTextDocument((document) => {
        if (!this.#files().includes(document.uri.fsPath)) return;
        this.#count.forget();
        this.#countRows();
      }),
      // Settings say how rows are written, and with what they are checked.
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration("tunesmith", dataset)) this.#countRows();
      }),
      this.#turn,
      this.#turn.onDidChange(() => {
        this.#postTurn();
        clearTimeout(this.#againSettle);
        this.#againSettle = setTimeout(() => this.forecastAgain(), GIVES_BACK_MS);
      }),
      services.models.onDidChange(() => void this.#postPlan()),
      // A disk that was missing may be there by the time that a person comes back.
      vscode.window.onDidChangeWindowState(({ focused }) => {
        if (focused && this.#modelProblem !== undefined) void this.#lookAtModelAgain();
      }),
    ];
  }

  /** All that the page shows, for a page that has just come up. */
  async show(): Promise<void> {
    await this.#presets.readSaved();
    await this.#postPlan();
    this.post(this.#count.data);
    this.#postTurn();
    this.#forecast.show();
    if (this.#starting !== undefined) this.post(this.#starting);
    this.#countRows();
    if (!this.#prepared) {
      this.#prepared = true;
      if (await this.#presets.lookForGpu()) await this.#postPlan();
    }
  }

  async #postPlan(): Promise<void> {
    const defaults = await this.#defaults();
    // A form that was kept over a reload may be what a person has filled in.
    this.#begun ??= { ...defaults };
    this.form ??= defaults;
    this.#turn.setDevice(this.form.device);
    const models = await this.#models(this.form.modelPath);
    // It may have been filled in further in the meantime.
    const { form } = this;
    form.preset = this.#presets.idFor(form);
    const plain = models.map(({ path, label, parameters }) => ({ path, label, parameters }));
    const formErrors = this.#errorsOf(form);
    const { choices: presets } = this.#presets;
    const changed = this.#presets.changedIn(form);
    this.post({ type: "plan", dataset: this.dataset.fsPath, models: plain, presets, form, formErrors, changed });
  }

  /** Those to choose from, with the form's own even where it cannot be used: no other one takes its place unseen. */
  async #models(path: string): Promise<ModelChoice[]> {
    const models = await this.services.models.choices();
    if (path === "" || models.some((model) => model.path === path)) {
      this.#modelProblem = undefined;
      return models;
    }
    const own = await this.services.models.inspect(path);
    this.#modelProblem = own.problem === null ? undefined : { path, message: own.problem };
    return [...models, own];
  }

  async #lookAtModelAgain(): Promise<void> {
    await this.#postPlan();
    if (this.#modelProblem !== undefined) return;
    this.#countRows();
    this.#forecastRun();
  }

  #errorsOf(form: PlanForm): FormErrors {
    const errors = checkForm(form, translate);
    const problem = this.#modelProblem;
    return problem?.path === form.modelPath ? { ...errors, modelPath: problem.message } : errors;
  }

  async #defaults(): Promise<PlanForm> {
    const model = await this.services.models.defaultPath();
    const form = defaultForm(this.dataset.fsPath, model, sequenceLengthFor(this.dataset));
    const completionFolder = vscode.workspace.getWorkspaceFolder(this.dataset)?.uri.fsPath ?? "";
    const dataSets = vscode.workspace.getConfiguration("tunesmith", this.dataset).get<unknown>("dataSets");
    const heldOutPath = await heldOutSetting(dataSets, this.dataset.fsPath);
    if (heldOutPath === undefined) return { ...form, completionFolder };
    return { ...form, completionFolder, heldOut: "file", heldOutPath };
  }

  change(form: PlanForm): void {
    this.form = form;
    this.#postErrors(form);
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => {
      this.#turn.setDevice(form.device);
      this.#countRows();
      this.#forecastRun();
    }, SETTLE_MS);
  }

  #postErrors(form: PlanForm): FormErrors {
    const formErrors = this.#errorsOf(form);
    this.post({ type: "formErrors", formErrors, changed: this.#presets.changedIn(form) });
    return formErrors;
  }

  /** It says something else than what it was opened with, which would be lost where another form takes its place. */
  get filledIn(): boolean {
    const { form } = this;
    const begun = this.#begun;
    if (form === undefined || begun === undefined) return form !== undefined;
    const names = (Object.keys(begun) as FormField[]).filter((name) => name !== "preset");
    return names.some((name) => JSON.stringify(form[name]) !== JSON.stringify(begun[name]));
  }

  /** The form of a run, in place of what stands here. */
  async replace(form: PlanForm): Promise<void> {
    if (this.#start !== undefined) {
      throw new Error(vscode.l10n.t("This plan is being started: run again when that is done."));
    }
    clearTimeout(this.#settle);
    this.#begun = form;
    await this.#set({ ...form });
  }

  /** A model that was chosen elsewhere while the plan is open. */
  async chooseModel(path: string): Promise<void> {
    await this.#put({ modelPath: path });
    this.effectOf("modelPath");
  }

  /** Changes the form from here: the page is told. */
  async #put(changes: Partial<PlanForm>): Promise<void> {
    if (this.form !== undefined) await this.#set({ ...this.form, ...changes });
  }

  async #set(form: PlanForm): Promise<void> {
    this.form = form;
    await this.#postPlan();
    this.#countRows();
    this.#forecastRun();
  }

  async addDataset(): Promise<void> {
    const path = await this.#chooseFile(vscode.l10n.t("Add Data Set"));
    if (path === undefined || this.form === undefined) return;
    if (this.#files().includes(path)) {
      this.#fail(vscode.l10n.t("{0} is already in the plan.", basename(path)));
      return;
    }
    await this.#put({ mixture: [...this.form.mixture, { path, format: "auto", weight: 1 }] });
  }

  async chooseHeldOut(): Promise<void> {
    const path = await this.#chooseFile(vscode.l10n.t("Choose Held-Out Rows"));
    if (path === undefined || this.form === undefined) return;
    if ([this.dataset.fsPath, ...this.form.mixture.map((mixed) => mixed.path)].includes(path)) {
      this.#fail(vscode.l10n.t("{0} is learned from: rows that are learned cannot be held out.", basename(path)));
      return;
    }
    await this.#put({ heldOut: "file", heldOutPath: path });
    this.effectOf("heldOutPath");
  }

  async chooseCompletionFolder(): Promise<void> {
    const [folder] =
      (await vscode.window.showOpenDialog({
        title: vscode.l10n.t("Choose Folder of Python Files"),
        canSelectFiles: false,
        canSelectFolders: true,
        canSelectMany: false,
        defaultUri: vscode.Uri.joinPath(this.dataset, ".."),
      })) ?? [];
    if (folder === undefined) return;
    await this.#put({ completionFolder: folder.fsPath });
    this.effectOf("completionFolder");
  }

  async #chooseFile(title: string): Promise<string | undefined> {
    const [file] =
      (await vscode.window.showOpenDialog({
        title,
        canSelectMany: false,
        defaultUri: vscode.Uri.joinPath(this.dataset, ".."),
        filters: { [vscode.l10n.t("Data sets")]: ["jsonl", "ndjson"] },
      })) ?? [];
    return file?.fsPath;
  }

  /** Every file that rows come from. */
  #files(): string[] {
    const { mixture = [], heldOut = "none", heldOutPath = "" } = this.form ?? {};
    return [this.dataset.fsPath, ...mixture.map(({ path }) => path), ...(heldOut === "file" ? [heldOutPath] : [])];
  }

  /** A row of one of the data sets, by the order of the summary. */
  async openRow(row: number, dataset = 0): Promise<void> {
    const path = this.#files()[dataset];
    if (path !== undefined) await openRow(vscode.Uri.file(path), row);
  }

  async saveSettings(): Promise<void> {
    await this.#attempt(async (form) => {
      requireRightSettings(form);
      const preset = await this.#presets.save(form);
      if (preset !== undefined) await this.#put({ preset });
    });
  }

  async exportSettings(): Promise<void> {
    await this.#attempt(async (form) => {
      requireRightSettings(form);
      await this.#presets.export(form);
    });
  }

  async importSettings(): Promise<void> {
    await this.#attempt(async () => {
      const preset = await this.#presets.import();
      if (preset !== undefined) await this.#put({ ...this.#presets.settingsOf(preset), preset });
    });
  }

  async deletePreset(id: string): Promise<void> {
    await this.#attempt(async () => {
      await this.#presets.delete(id);
      await this.#postPlan();
    });
  }

  /** What cannot be done is said on the page. */
  async #attempt(action: (form: PlanForm) => Promise<void>): Promise<void> {
    if (this.form === undefined) return;
    try {
      await action(this.form);
    } catch (error) {
      this.#fail(describeError(error));
    }
  }

  #fail(message: string): void {
    this.post({ type: "planFailed", message });
  }

  /** What a field that differs from the preset, or from what a plan begins with, changes in the forecast. */
  effectOf(field: FormField): void {
    clearTimeout(this.#effectSettle);
    this.#effectSettle = setTimeout(() => {
      this.#tellEffect(field).catch((error: unknown) => this.services.log.debug(describeError(error)));
    }, SETTLE_MS);
  }

  async #tellEffect(field: FormField): Promise<void> {
    this.#effect.stop();
    const asked = this.form;
    if (asked === undefined) return;
    const form = this.#resolved(asked);
    const modelPath = await this.services.models.defaultPath();
    const before = withFieldLeftAlone(form, field, { preset: this.#presets.baseline(form), modelPath });
    const effect = before === null ? null : await this.#effect.of(form, before);
    // It may have changed while this was found out.
    if (this.form === asked) this.post({ type: "effect", field, effect });
  }

  /** With what settings say of the rows of the data sets beside the first. */
  #resolved(form: PlanForm): PlanForm {
    const choices = new Map(this.#count.summary?.datasets.map(({ path, choice }) => [path, choice]));
    const mixture = form.mixture.map((mixed) => {
      const { format = "auto", fields = {} } = choices.get(mixed.path) ?? {};
      if (mixed.format !== "auto" || mixed.fields !== undefined) return mixed;
      return { ...mixed, format, ...(Object.keys(fields).length > 0 ? { fields } : {}) };
    });
    return { ...form, mixture };
  }

  /** Counts rows and tokens with what of the form matters to them. */
  #countRows(): void {
    const { form } = this;
    if (form === undefined) return;
    const errors = this.#errorsOf(form);
    const wrong = decideRows.find((field) => errors[field] !== undefined);
    if (wrong !== undefined) {
      const counts = vscode.l10n.t("Rows are counted with the base model's tokenizer: choose a model that is there.");
      this.#count.refuse(wrong === "modelPath" ? counts : errors[wrong]!);
      return;
    }
    this.#count.count(countArguments(form, jobSettings(this.dataset)));
  }

  #forecastRun(): void {
    const { form } = this;
    const { summary } = this.#count;
    if (form === undefined || summary === undefined || summary.used === 0) return;
    if (Object.keys(this.#errorsOf(form)).length === 0) void this.#forecast.ask(this.#resolved(form), summary);
  }

  /** Memory may have become free, or taken. */
  forecastAgain(): void {
    this.#forecast.forget();
    this.#forecastRun();
  }

  #postTurn(): void {
    this.post({ type: "turn", waitsFor: this.#turn.waitsFor });
  }

  measure(): Promise<void> {
    return this.#forecast.measure();
  }

  cancelMeasure(): void {
    this.#forecast.cancelMeasure();
  }

  /** What a button of the forecast changes in the form. */
  async changeSettings(changes: readonly SettingChange[]): Promise<void> {
    if (this.form !== undefined) await this.#put(applyChanges(this.form, changes));
  }

  async start(form: PlanForm): Promise<void> {
    if (this.#start !== undefined) return;
    this.form = form;
    const formErrors = this.#postErrors(form);
    if (Object.keys(formErrors).length > 0) return;
    const start = new AbortController();
    this.#start = start;
    const onProgress = (stage: string, fraction: number | null) =>
      this.#setStarting({ type: "starting", stage, fraction });
    try {
      const { choice, packed } = await this.#countFor(form, start.signal, onProgress);
      onProgress(vscode.l10n.t("Preparing the data"), null);
      const run = await startRun(
        this.services,
        { dataset: this.dataset, form: this.#resolved(form), choice, sequences: packed.train },
        { signal: start.signal, onProgress },
      );
      this.#starting = undefined;
      this.onStarted(run);
    } catch (error) {
      const cancelled = error instanceof JobCancelled;
      if (!cancelled) this.services.log.error(describeError(error));
      const message = cancelled ? cancelledText(start.signal.aborted) : describeError(error);
      this.#setStarting({ type: "startFailed", message });
    } finally {
      this.#start = undefined;
    }
  }

  /** What the run goes by: how settings say that the rows are written, and how much there is to learn. */
  async #countFor(form: PlanForm, signal: AbortSignal, onProgress: StartOptions["onProgress"]): Promise<DataSummary> {
    clearTimeout(this.#settle);
    onProgress(vscode.l10n.t("Counting rows and tokens"), null);
    this.#count.count(countArguments(form, jobSettings(this.dataset)));
    const summary = await this.#count.settled(signal);
    if (summary.used === 0) {
      throw new Error(vscode.l10n.t("No row of {0} can be used for training.", basename(this.dataset.fsPath)));
    }
    return summary;
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
    this.#disposed = true;
    clearTimeout(this.#settle);
    clearTimeout(this.#effectSettle);
    clearTimeout(this.#againSettle);
    this.#effect.dispose();
    if (this.#start === undefined) this.#count.cancel();
    this.#forecast.dispose();
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}

/** `here`: on this page; else in a view of the run. */
function cancelledText(here: boolean): string {
  return here
    ? vscode.l10n.t("The start was cancelled; nothing was kept.")
    : vscode.l10n.t("The start was stopped; the run stays under Runs, not started.");
}

/** Wrong settings are neither kept nor passed on. */
function requireRightSettings(form: PlanForm): void {
  const { name: _, modelPath: __, ...errors } = checkForm(form, translate);
  const [wrong] = Object.values(errors);
  if (wrong !== undefined) throw new Error(wrong);
}

/** Before the data were looked at. */
function choiceOf({ further }: PlanForm): DataSummary["choice"] {
  return { format: further?.format ?? "auto", fields: further?.fields ?? {} };
}

function completionArguments({ completionPercent, completionFrom, completionFolder }: PlanForm): [string, string][] {
  if (completionPercent === 0) return [];
  const options: [string, string][] = [["--completion-share", String(completionPercent / 100)]];
  if (completionFrom !== "folder") options.push(["--completion-from", "answers"]);
  if (completionFrom !== "answers") options.push(["--completion-from", completionFolder]);
  return options;
}

function countArguments(form: PlanForm, settings: string): string[] {
  const heldOut = { none: "0", fraction: String(form.heldOutPercent / 100), file: form.heldOutPath }[form.heldOut];
  const options: [string, string][] = [
    ["--model", form.modelPath],
    ["--sequence-length", String(form.sequenceLength)],
    ["--held-out", heldOut],
    ["--weight", String(form.weight)],
    ...completionArguments(form),
    ...form.mixture.map(({ path, weight }): [string, string] => ["--mix", `${path}=${weight}`]),
    ["--seed", String(form.seed)],
    ["--settings", settings],
  ];
  const { format, fields } = choiceOf(form);
  if (format !== "auto") options.push(["--data-format", format]);
  for (const [part, field] of Object.entries(fields)) options.push(["--field", `${part}=${field}`]);
  return form.packing ? options.flat() : [...options.flat(), "--no-packing"];
}
