import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import { runPaths } from "../../run/runDirectory";
import { runJob } from "../jobs/runJob";
import { type DuringTraining, readSettings } from "../settings";
import { hasPassedExport } from "./exportRecord";
import { PythonCompletionProvider } from "./provider";
import { type Completion, WorkerClient, WorkerGone } from "./workerClient";

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
  /** A run computes, and completion leaves it the machine. */
  | { kind: "resting"; choice: Choice }
  | { kind: "loading"; choice: Choice }
  | { kind: "ready"; choice: Choice; memoryBytes: number; lastMs: number | null; mode: Completion["mode"] | null }
  | { kind: "failed"; choice: Choice; message: string };

export interface ExportOptions {
  signal: AbortSignal;
  onProgress(stage: string, fraction: number | null): void;
}

/** Which tuned model completes Python, and the worker that does it. */
export class CompletionController implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  /** The model in use or its state has changed. */
  readonly onDidChange = this.#changed.event;
  readonly #busy = new vscode.EventEmitter<boolean>();
  /** A completion is being computed, or no longer. */
  readonly onDidChangeBusy = this.#busy.event;
  #state: CompletionState = { kind: "off" };
  #worker: WorkerClient | undefined;
  #loading: Promise<void> | undefined;
  #restarts = 0;
  #training = false;
  /** What the present worker was loaded for, or why there is none. */
  #effort: DuringTraining = "full";
  #registration: vscode.Disposable | undefined;
  readonly #subscriptions: vscode.Disposable[] = [];

  constructor(
    private readonly extension: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.#subscriptions.push(
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration("tunesmith.completion.duringTraining")) this.#adapt();
      }),
    );
  }

  get state(): CompletionState {
    return this.#state;
  }

  /** Whether a run has the machine, and what completion has given up for it; null: nothing. */
  get gaveWay(): Exclude<DuringTraining, "full"> | null {
    return this.#state.kind === "off" || this.#effort === "full" ? null : this.#effort;
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
    this.#effort = effort;
    const state = this.#state;
    if (state.kind === "off" || state.kind === "failed") return;
    const loaded = this.#worker !== undefined || state.kind === "resting";
    this.log.info(`${state.choice.name}: completes with ${effort === "off" ? "nothing" : effort} effort`);
    this.#stopWorker();
    this.#set({ kind: effort === "off" ? "resting" : "waiting", choice: state.choice });
    if (loaded) void this.#ensureLoaded();
  }

  /** The run whose model is in use has another name. */
  async rename(directory: string, name: string): Promise<void> {
    if (this.#state.kind === "off" || this.#state.choice.directory !== directory) return;
    const choice = { directory, name };
    this.#set({ ...this.#state, choice });
    await this.extension.workspaceState.update(CHOICE_KEY, choice);
  }

  isInUse(directory: string): boolean {
    return this.#state.kind !== "off" && this.#state.choice.directory === directory;
  }

  /** Takes up the choice of the last session. The model is loaded when the first Python file is seen. */
  restore(): void {
    if (!vscode.workspace.isTrusted || this.#state.kind !== "off") return;
    const choice = this.extension.workspaceState.get<Choice>(CHOICE_KEY);
    if (typeof choice?.directory !== "string" || typeof choice.name !== "string") return;
    this.#set({ kind: "waiting", choice });
    this.#register();
    const loadIfPython = () => {
      const language = vscode.window.activeTextEditor?.document.languageId;
      if (language === "python" && this.#state.kind === "waiting") void this.#ensureLoaded();
    };
    this.#subscriptions.push(vscode.window.onDidChangeActiveTextEditor(loadIfPython));
    loadIfPython();
  }

  /** Exports the run's model unless that has been done, then offers its completions. Throws what the gate says. */
  async use(choice: Choice, options: ExportOptions): Promise<void> {
    const { exported, adapter } = runPaths(choice.directory);
    if (!(await isCurrent(exported, adapter))) await this.#export(choice.directory, options);
    this.#stopWorker();
    this.#restarts = 0;
    await this.extension.workspaceState.update(CHOICE_KEY, choice);
    this.#set({ kind: "waiting", choice });
    this.#register();
    this.log.info(`${basename(choice.directory)}: in use for completion`);
    void this.#ensureLoaded();
  }

  async #export(directory: string, { signal, onProgress }: ExportOptions): Promise<void> {
    const { enginePath, threads } = readSettings();
    const engine = enginePath === "" ? [] : ["--engine", enginePath];
    this.log.info(`${basename(directory)}: exporting`);
    await runJob({
      extensionPath: this.extension.extensionPath,
      args: ["export", "--run", directory, ...engine, "--threads", String(threads)],
      signal,
      onProgress,
    });
  }

  async stop(): Promise<void> {
    this.#stopWorker();
    this.#registration?.dispose();
    this.#registration = undefined;
    await this.extension.workspaceState.update(CHOICE_KEY, undefined);
    this.#set({ kind: "off" });
  }

  /** A completion, or null where there is none to offer: cancelled, still loading, failed. */
  async complete(request: Parameters<WorkerClient["complete"]>[0], signal: AbortSignal): Promise<Completion | null> {
    await this.#ensureLoaded();
    const worker = this.#worker;
    if (worker === undefined || this.#state.kind !== "ready" || signal.aborted) return null;
    this.#busy.fire(true);
    try {
      const completion = await worker.complete(request, signal);
      if (completion !== null && this.#state.kind === "ready" && worker === this.#worker) {
        this.#set({ ...this.#state, lastMs: completion.totalMs, mode: completion.mode });
      }
      return completion;
    } catch (error) {
      // The end of the worker is dealt with where it is noticed.
      if (!(error instanceof WorkerGone)) this.log.warn(`Completion: ${describeError(error)}`);
      return null;
    } finally {
      this.#busy.fire(false);
    }
  }

  #register(): void {
    this.#registration ??= vscode.languages.registerInlineCompletionItemProvider(
      { language: "python" },
      new PythonCompletionProvider(this),
    );
  }

  #ensureLoaded(): Promise<void> {
    if (this.#state.kind !== "waiting") return this.#loading ?? Promise.resolve();
    if (this.#effort === "off") {
      this.#set({ kind: "resting", choice: this.#state.choice });
      return Promise.resolve();
    }
    this.#loading = this.#load(this.#state.choice).finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #load(choice: Choice): Promise<void> {
    this.#set({ kind: "loading", choice });
    const worker: WorkerClient = new WorkerClient(
      join(this.extension.extensionPath, "dist", "completion-worker.js"),
      (expected, how) => {
        if (!expected && worker === this.#worker) this.#crashed(choice, how);
      },
      (text) => this.log.debug(`Completion worker: ${text}`),
    );
    this.#worker = worker;
    try {
      const loaded = await worker.load(runPaths(choice.directory).exported, this.#threads());
      if (worker !== this.#worker) return;
      this.log.info(`${choice.name}: loaded in ${Math.round(loaded.milliseconds)} ms`);
      this.#set({ kind: "ready", choice, memoryBytes: loaded.memoryBytes, lastMs: null, mode: null });
    } catch (error) {
      if (worker !== this.#worker || error instanceof WorkerGone) return;
      this.#stopWorker();
      this.#fail(choice, describeError(error));
    }
  }

  #threads(): number {
    return this.#effort === "reduced" ? CompletionController.reducedThreads : readSettings().threads;
  }

  /** Once is bad luck and silently mended; twice is said. */
  #crashed(choice: Choice, how: string): void {
    this.log.warn(`The completion worker ended unexpectedly: ${how}`);
    this.#worker = undefined;
    if (this.#restarts++ === 0) {
      this.#set({ kind: "waiting", choice });
      void Promise.resolve(this.#loading).then(() => this.#ensureLoaded());
      return;
    }
    this.#fail(
      choice,
      vscode.l10n.t("The completion worker ended twice ({0}); completion with {1} is off.", how, choice.name),
    );
  }

  #fail(choice: Choice, message: string): void {
    this.log.error(message);
    this.#set({ kind: "failed", choice, message });
    const retry = vscode.l10n.t("Try Again");
    const off = vscode.l10n.t("Stop Using Model");
    void vscode.window.showErrorMessage(message, retry, off).then((chosen) => {
      if (chosen === off) return this.stop();
      if (chosen !== retry || this.#state.kind !== "failed") return;
      this.#restarts = 0;
      this.#set({ kind: "waiting", choice });
      return this.#ensureLoaded();
    });
  }

  #stopWorker(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    worker?.dispose();
  }

  #set(state: CompletionState): void {
    this.#state = state;
    this.#changed.fire();
  }

  dispose(): void {
    this.#stopWorker();
    this.#registration?.dispose();
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
    this.#busy.dispose();
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
