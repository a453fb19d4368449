import { EventEmitter } from "node:events";
import { describeError } from "../../disk/describeError";
import type { CodeQuestion, PromptSection, ProviderChoice } from "../../protocol/worker";
import { type Completion, WorkerClient, WorkerGone } from "./workerClient";

/** A crash counts against the worker for this long. */
const QUIET_MS = 10 * 60_000;
/** What all KV caches of a worker may take where no memory limit leaves less. */
const CACHE_BYTES = 256 << 20;
/** Memory that caches have given up is not the process's own at once: so many completions in a row may lie above the limit. */
const PATIENCE = 5;

/** Read at each load, so that a changed setting acts from the next one on. */
export interface WorkerLimits {
  /** 0: onnxruntime decides. */
  threads: number;
  provider: ProviderChoice;
  /** Bytes of the worker process; 0: no limit. */
  memoryLimit: number;
  /** Milliseconds without a request after which the process is ended; 0: never. */
  unloadAfter: number;
  /** 0: the likeliest token is taken; above, tokens are drawn. */
  temperature: number;
}

export type WorkerFailure =
  /** The process ended a second time within ten minutes. */
  | { kind: "ended"; how: string }
  /** The model needs more than the memory limit, both in bytes. */
  | { kind: "memory"; needed: number; limit: number }
  /** The worker says why it does not load the model. */
  | { kind: "refused"; message: string };

export interface ReadyState {
  kind: "ready";
  memoryBytes: number;
  /** Of the last completion, from the request to its last token. */
  lastMs: number | null;
  mode: Completion["mode"] | null;
  /** Where it computes: cpu, cuda, … */
  provider: string;
  /** Providers that were tried and not taken, each with the reason. */
  notTaken: readonly { provider: string; reason: string }[];
}

export type ModelWorkerState =
  /** No process; the next request starts one. `idle`: it was ended because nothing was asked of it for long. */
  { kind: "unloaded"; idle: boolean } | { kind: "loading" } | ReadyState | { kind: "failed"; failure: WorkerFailure };

export interface ModelWorkerOptions {
  /** For the log. */
  name: string;
  /** The worker's program. */
  module: string;
  exportDir: string;
  limits(): WorkerLimits;
  log: { info(text: string): void; warn(text: string): void };
  /** Milliseconds of a clock that only goes forward. */
  now?(): number;
}

/**
 * One exported model and the process that completes with it. The process is started by the first request, ended when idle
 * and started anew by the next request; after a crash it is started again by itself, once.
 */
export class ModelWorker {
  readonly #events = new EventEmitter();
  #state: ModelWorkerState = { kind: "unloaded", idle: false };
  #client: WorkerClient | undefined;
  #loading: Promise<void> | undefined;
  #lastCrash = Number.NEGATIVE_INFINITY;
  #tooLarge = 0;
  #asked = 0;
  #idle: NodeJS.Timeout | undefined;
  #disposed = false;

  constructor(private readonly options: ModelWorkerOptions) {}

  get state(): ModelWorkerState {
    return this.#state;
  }

  get exportDir(): string {
    return this.options.exportDir;
  }

  /** `listener` is called after each change of `state`. */
  onDidChange(listener: () => void): { dispose(): void } {
    this.#events.on("change", listener);
    return { dispose: () => this.#events.off("change", listener) };
  }

  /** Starts the process and loads the model unless that has been done or has failed. Never rejects: `state` says it. */
  ensureLoaded(): Promise<void> {
    if (this.#disposed || this.#state.kind !== "unloaded") return this.#loading ?? Promise.resolve();
    const loading = this.#load().finally(() => {
      if (this.#loading === loading) this.#loading = undefined;
    });
    this.#loading = loading;
    return loading;
  }

  /** A completion, or null where there is none: cancelled, not loaded, failed. */
  async complete(question: CodeQuestion, signal: AbortSignal): Promise<Completion | null> {
    if (signal.aborted) return null;
    return this.#ask(async (client) => {
      if (signal.aborted) return null;
      const completion = await client.complete(question, signal);
      if (completion !== null && client === this.#client) this.#completed(completion);
      return completion;
    });
  }

  /** The last prompt that was computed; null where there is none. A model is not loaded for this. */
  async showPrompt(): Promise<PromptSection[] | null> {
    if (this.#state.kind !== "ready") return null;
    return this.#ask((client) => client.showPrompt());
  }

  /** The document is closed: its cache goes. */
  forget(document: string): void {
    this.#client?.forget(document).catch(() => {
      // A worker that has ended has forgotten everything.
    });
  }

  /** Ends the process. The next request starts it again, with the limits as they are then. */
  unload(): void {
    this.#end();
    if (!this.#disposed) this.#set({ kind: "unloaded", idle: false });
  }

  /** Makes good for a failure: the next request tries again. */
  forgive(): void {
    if (this.#state.kind !== "failed") return;
    this.#lastCrash = Number.NEGATIVE_INFINITY;
    this.#set({ kind: "unloaded", idle: false });
  }

  async #ask<T>(question: (client: WorkerClient) => Promise<T | null>): Promise<T | null> {
    ++this.#asked;
    clearTimeout(this.#idle);
    try {
      await this.ensureLoaded();
      const client = this.#client;
      if (client === undefined || this.#state.kind !== "ready") return null;
      return await question(client);
    } catch (error) {
      // The end of the process is dealt with where it is noticed.
      if (!(error instanceof WorkerGone)) this.options.log.warn(`${this.options.name}: ${describeError(error)}`);
      return null;
    } finally {
      --this.#asked;
      this.#startIdling();
    }
  }

  async #load(): Promise<void> {
    const { name, module, exportDir, limits, log } = this.options;
    this.#set({ kind: "loading" });
    const client: WorkerClient = new WorkerClient(
      module,
      (expected, how) => {
        if (!expected && client === this.#client) this.#crashed(how);
      },
      (text) => log.info(`${name}: ${text}`),
    );
    this.#client = client;
    this.#tooLarge = 0;
    try {
      const { unloadAfter: _, ...settings } = limits();
      const loaded = await client.load({ exportDir, ...settings, cacheBytes: CACHE_BYTES });
      if (client !== this.#client) return;
      const { memoryBytes, milliseconds, notTaken } = loaded;
      log.info(`${name}: loaded in ${Math.round(milliseconds)} ms, computes on ${loaded.provider}`);
      for (const { provider: other, reason } of notTaken) log.info(`${name}: not on ${other}: ${reason}`);
      const { memoryLimit: limit } = settings;
      if (limit > 0 && memoryBytes > limit) {
        this.#fail({ kind: "memory", needed: memoryBytes, limit });
        return;
      }
      this.#set({ kind: "ready", memoryBytes, lastMs: null, mode: null, provider: loaded.provider, notTaken });
      this.#startIdling();
    } catch (error) {
      if (client !== this.#client || error instanceof WorkerGone) return;
      this.#fail({ kind: "refused", message: describeError(error) });
    }
  }

  #completed({ memoryBytes, totalMs, mode, provider }: Completion): void {
    if (this.#state.kind !== "ready") return;
    if (provider !== this.#state.provider) this.options.log.warn(`${this.options.name}: computes on ${provider} now`);
    const { memoryLimit } = this.options.limits();
    this.#tooLarge = memoryLimit > 0 && memoryBytes > memoryLimit ? this.#tooLarge + 1 : 0;
    if (this.#tooLarge > PATIENCE) this.#fail({ kind: "memory", needed: memoryBytes, limit: memoryLimit });
    else this.#set({ ...this.#state, memoryBytes, lastMs: totalMs, mode, provider });
  }

  /** Once is bad luck and silently mended; twice is said. */
  #crashed(how: string): void {
    const { name, log, now = () => performance.now() } = this.options;
    log.warn(`${name}: the completion worker ended unexpectedly: ${how}`);
    this.#client = undefined;
    clearTimeout(this.#idle);
    const again = now() - this.#lastCrash < QUIET_MS;
    this.#lastCrash = now();
    if (again) {
      this.#fail({ kind: "ended", how });
      return;
    }
    this.#set({ kind: "unloaded", idle: false });
    void Promise.resolve(this.#loading).then(() => this.ensureLoaded());
  }

  #startIdling(): void {
    clearTimeout(this.#idle);
    const { unloadAfter } = this.options.limits();
    if (this.#asked > 0 || this.#state.kind !== "ready" || unloadAfter === 0) return;
    this.#idle = setTimeout(() => {
      if (this.#asked > 0 || this.#state.kind !== "ready") return;
      this.options.log.info(`${this.options.name}: unloaded, since nothing was asked of it for long`);
      this.#end();
      this.#set({ kind: "unloaded", idle: true });
    }, unloadAfter);
  }

  #fail(failure: WorkerFailure): void {
    this.#end();
    this.#set({ kind: "failed", failure });
  }

  #end(): void {
    clearTimeout(this.#idle);
    const client = this.#client;
    this.#client = undefined;
    client?.dispose();
  }

  #set(state: ModelWorkerState): void {
    this.#state = state;
    this.#events.emit("change");
  }

  dispose(): void {
    this.#disposed = true;
    this.#end();
    this.#events.removeAllListeners();
  }
}
