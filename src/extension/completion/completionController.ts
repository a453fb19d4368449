import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import * as vscode from "vscode";
import type { CodeQuestion, PromptSection } from "../../protocol/worker";
import { runPaths } from "../../run/runDirectory";
import { runJob } from "../jobs/runJob";
import { type DuringTraining, readSettings } from "../settings";
import { describeExport, hasPassedExport } from "./exportRecord";
import { ModelWorker, type ReadyState, type WorkerFailure, type WorkerLimits } from "./modelWorker";
import { precisionFor } from "./precisionFor";
import type { Completion } from "./workerClient";

/** Kept per workspace: which run's model completes. */
const CHOICE_KEY = "tunesmith.completionModel";

export interface Choice {
  directory: string;
  name: string;
}

export type CompletionState =
  | { kind: "off" }
  /** Chosen; its worker starts with the first Python editor. */
  | { kind: "waiting"; choice: Choice }
  /** Unloaded, since it was not used for long; loads with the next completion. */
  | { kind: "unloaded"; choice: Choice }
  /** A run computes, and completion leaves it the machine. */
  | { kind: "resting"; choice: Choice }
  | { kind: "loading"; choice: Choice }
  | ({ choice: Choice } & ReadyState)
  | { kind: "failed"; choice: Choice; message: string };

/** A completion and the export that made it. */
export type ModelCompletion = Completion & { exportDir: string };

export interface ExportOptions {
  signal: AbortSignal;
  onProgress(stage: string, fraction: number | null): void;
}

/** Says for each completion which worker makes it. */
export interface Route {
  next(): ModelWorker;
  /** The worker has made the completion that it was asked for, not ahead; it may be empty. */
  made(by: ModelWorker): void;
}

/** Which tuned model completes Python, and the worker that does it. */
export class CompletionController implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  /** The model in use or its state has changed. */
  readonly onDidChange = this.#changed.event;
  readonly #busy = new vscode.EventEmitter<boolean>();
  /** A completion is being computed, or no longer. */
  readonly onDidChangeBusy = this.#busy.event;
  #choice: Choice | undefined;
  /** The choice's worker. */
  #worker: ModelWorker | undefined;
  /** All workers that were created and not yet removed. */
  readonly #workers = new Set<ModelWorker>();
  #route: Route | null = null;
  #lastAsked: ModelWorker | undefined;
  #training = false;
  /** What the present worker was loaded for, or why there is none. */
  #effort: DuringTraining = "full";
  readonly #subscriptions: vscode.Disposable[] = [];

  constructor(
    private readonly extension: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.#subscriptions.push(
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration("tunesmith.completion.duringTraining")) this.#adapt();
        const reload = ["provider", "memoryLimit", "temperature"].some((name) =>
          event.affectsConfiguration(`tunesmith.completion.${name}`),
        );
        if (!reload) return;
        const failed = [...this.#workers].filter((worker) => worker.state.kind === "failed");
        this.#reload();
        // Whoever changes one of these may do so because of what has failed.
        for (const worker of failed) worker.forgive();
        if (this.#effort !== "off") for (const worker of failed) void worker.ensureLoaded();
      }),
      vscode.workspace.onDidCloseTextDocument((document) => this.forget(document.uri)),
    );
  }

  get state(): CompletionState {
    const choice = this.#choice;
    const worker = this.#worker;
    if (choice === undefined || worker === undefined) return { kind: "off" };
    const { state } = worker;
    if (state.kind === "failed") return { kind: "failed", choice, message: failureText(choice.name, state.failure) };
    if (this.#effort === "off") return { kind: "resting", choice };
    if (state.kind === "unloaded") return { kind: state.idle ? "unloaded" : "waiting", choice };
    return { ...state, choice };
  }

  /** Whether a run has the machine, and what completion has given up for it; null: nothing. */
  get gaveWay(): Exclude<DuringTraining, "full"> | null {
    return this.#choice === undefined || this.#effort === "full" ? null : this.#effort;
  }

  /** Threads of a worker that leaves the processor to a run. */
  static readonly reducedThreads = availableParallelism() >= 8 ? 2 : 1;

  /** A run has begun to compute, or none does any more. */
  setTraining(training: boolean): void {
    this.#training = training;
    this.#adapt();
  }

  #adapt(): void {
    const effort = this.#training ? readSettings().completionDuringTraining : "full";
    if (effort === this.#effort) return;
    const resting = this.#effort === "off";
    this.#effort = effort;
    if (this.#choice === undefined) return;
    this.log.info(`${this.#choice.name}: completes with ${effort === "off" ? "nothing" : effort} effort`);
    this.#reload(resting);
    this.#changed.fire();
  }

  /** Ends the processes, and starts those anew that were there or are `wanted`. A failure stays. */
  #reload(wanted = false): void {
    for (const worker of this.#workers) {
      const { kind } = worker.state;
      if (kind === "failed") continue;
      worker.unload();
      if (this.#effort !== "off" && (wanted || kind !== "unloaded")) void worker.ensureLoaded();
    }
  }

  /** The run whose model is in use has another name. */
  async rename(directory: string, name: string): Promise<void> {
    if (!this.isInUse(directory)) return;
    this.#choice = { directory, name };
    this.#changed.fire();
    await this.extension.workspaceState.update(CHOICE_KEY, this.#choice);
  }

  isInUse(directory: string): boolean {
    return this.#choice?.directory === directory;
  }

  /** Takes up the choice of the last session. The model is loaded when the first Python file is seen. */
  restore(): void {
    if (!vscode.workspace.isTrusted || this.#choice !== undefined) return;
    const choice = this.extension.workspaceState.get<Choice>(CHOICE_KEY);
    if (typeof choice?.directory !== "string" || typeof choice.name !== "string") return;
    this.#take(choice);
    const loadIfPython = () => {
      const language = vscode.window.activeTextEditor?.document.languageId;
      if (language === "python" && this.state.kind === "waiting") void this.#worker?.ensureLoaded();
    };
    this.#subscriptions.push(vscode.window.onDidChangeActiveTextEditor(loadIfPython));
    loadIfPython();
  }

  /** Exports the run's model unless that has been done, then offers its completions. Throws what the gate says. */
  async use(choice: Choice, options: ExportOptions): Promise<void> {
    await this.ensureExported(choice.directory, options);
    await this.extension.workspaceState.update(CHOICE_KEY, choice);
    this.#take(choice);
    this.log.info(`${basename(choice.directory)}: in use for completion`);
    if (this.#effort !== "off") void this.#worker?.ensureLoaded();
  }

  #take(choice: Choice): void {
    if (this.#worker !== undefined) this.removeWorker(this.#worker);
    this.#choice = choice;
    this.#worker = this.createWorker(choice.name, runPaths(choice.directory).exported);
    const worker = this.#worker;
    worker.onDidChange(() => {
      if (worker !== this.#worker) return;
      this.#changed.fire();
      if (worker.state.kind === "failed") this.#tellFailure(worker);
    });
    this.#changed.fire();
  }

  /** The folder of the run's export, which is made where there is none of its present adapter. Throws what the gate says. */
  async ensureExported(directory: string, { signal, onProgress }: ExportOptions): Promise<string> {
    const { exported, adapter } = runPaths(directory);
    if (await isCurrent(exported, adapter)) return exported;
    const { enginePath, threads } = readSettings();
    const engine = enginePath === "" ? [] : ["--engine", enginePath];
    const precision = await precisionFor(directory);
    this.log.info(`${basename(directory)}: exporting`);
    await runJob({
      extensionPath: this.extension.extensionPath,
      args: ["export", "--run", directory, "--precision", precision, ...engine, "--threads", String(threads)],
      signal,
      onProgress,
    });
    for (const line of await describeExport(exported)) this.log.info(`${basename(directory)}: ${line}`);
    return exported;
  }

  async stop(): Promise<void> {
    if (this.#worker !== undefined) this.removeWorker(this.#worker);
    this.#worker = undefined;
    this.#choice = undefined;
    await this.extension.workspaceState.update(CHOICE_KEY, undefined);
    this.#changed.fire();
  }

  /** A worker for any export, which gives way to training as the chosen one does. It lives until `removeWorker`. */
  createWorker(name: string, exportDir: string): ModelWorker {
    const worker = new ModelWorker({
      name,
      module: join(this.extension.extensionPath, "dist", "completion-worker.js"),
      exportDir,
      log: this.log,
      limits: () => this.#limits(),
    });
    this.#workers.add(worker);
    return worker;
  }

  removeWorker(worker: ModelWorker): void {
    this.#workers.delete(worker);
    if (this.#lastAsked === worker) this.#lastAsked = undefined;
    worker.dispose();
  }

  /** The worker of the model in use; undefined: none is. */
  get worker(): ModelWorker | undefined {
    return this.#worker;
  }

  /** Null: the chosen model's worker makes all completions. */
  setRoute(route: Route | null): void {
    this.#route = route;
  }

  /** A completion, or null where there is none to offer: cancelled, still loading, failed. */
  async complete(question: CodeQuestion, signal: AbortSignal): Promise<ModelCompletion | null> {
    const route = this.#route;
    const worker = route?.next() ?? this.#worker;
    if (worker === undefined || this.#effort === "off" || signal.aborted) return null;
    this.#lastAsked = worker;
    this.#busy.fire(true);
    try {
      const completion = await worker.complete(question, signal);
      if (completion === null) return null;
      if (!question.ahead) route?.made(worker);
      return { ...completion, exportDir: worker.exportDir };
    } finally {
      this.#busy.fire(false);
    }
  }

  /** The last prompt that was computed, section by section; null where there is none. */
  async showPrompt(): Promise<PromptSection[] | null> {
    return (await this.#lastAsked?.showPrompt()) ?? null;
  }

  /** The document is closed: what the workers keep of it goes. */
  forget(uri: vscode.Uri): void {
    for (const worker of this.#workers) worker.forget(uri.toString());
  }

  #limits(): WorkerLimits {
    const settings = readSettings();
    return {
      threads: this.#effort === "reduced" ? CompletionController.reducedThreads : settings.threads,
      provider: settings.completionProvider,
      memoryLimit: settings.completionMemoryLimit * 1e6,
      unloadAfter: settings.completionUnloadAfter * 60_000,
      temperature: settings.completionTemperature,
    };
  }

  #tellFailure(worker: ModelWorker): void {
    const { state } = this;
    if (state.kind !== "failed") return;
    this.log.error(state.message);
    const retry = vscode.l10n.t("Try Again");
    const off = vscode.l10n.t("Stop Using Model");
    void vscode.window.showErrorMessage(state.message, retry, off).then((chosen) => {
      if (worker !== this.#worker) return;
      if (chosen === off) return this.stop();
      if (chosen !== retry) return;
      return this.#tryAgain(worker);
    });
  }

  /** An export that is not of this version or of the present adapter is made again. */
  async #tryAgain(worker: ModelWorker): Promise<void> {
    const directory = this.#choice?.directory;
    if (directory !== undefined) {
      const { exported, adapter } = runPaths(directory);
      if (!(await isCurrent(exported, adapter))) {
        await vscode.commands.executeCommand("tunesmith.useForCompletion", basename(directory));
        return;
      }
    }
    worker.forgive();
    if (this.#effort !== "off") await worker.ensureLoaded();
  }

  dispose(): void {
    for (const worker of this.#workers) worker.dispose();
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
    this.#busy.dispose();
  }
}

function failureText(name: string, failure: WorkerFailure): string {
  switch (failure.kind) {
    case "ended":
      return vscode.l10n.t("The completion worker ended twice ({0}); completion with {1} is off.", failure.how, name);
    case "memory":
      return vscode.l10n.t(
        "{0} takes {1} MB, but tunesmith.completion.memoryLimit is {2} MB; raise it, or export the model at a smaller precision.",
        name,
        Math.round(failure.needed / 1e6),
        Math.round(failure.limit / 1e6),
      );
    case "refused":
      return failure.message;
  }
}

/** A run that was resumed after its export has a newer adapter. */
async function isCurrent(exportDir: string, adapter: string): Promise<boolean> {
  if (!(await hasPassedExport(exportDir))) return false;
  try {
    const [record, weights] = await Promise.all([
      stat(join(exportDir, "export.json")),
      stat(join(adapter, "adapter_model.safetensors")),
    ]);
    return record.mtimeMs >= weights.mtimeMs;
  } catch {
    return false;
  }
}
