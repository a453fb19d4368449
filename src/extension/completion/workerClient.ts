import { type ChildProcess, fork } from "node:child_process";
import type { CodeQuestion, PromptSection, WorkerRequest, WorkerResponse } from "../../protocol/worker";
import { parseWorkerResponse } from "./workerMessage";

export type Completion = Extract<WorkerResponse, { type: "completion" }>;
export type Loaded = Extract<WorkerResponse, { type: "loaded" }>;

type Waiting = { resolve(response: WorkerResponse): void; reject(error: Error): void };
/** A request without its id, for each kind. */
type Body<T> = T extends { id: number } ? Omit<T, "id"> : never;

/** The worker ended while it was needed. */
export class WorkerGone extends Error {
  override name = "WorkerGone";
}

/** One completion worker process. */
export class WorkerClient {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #ended = false;

  constructor(
    module: string,
    private readonly onEnd: (expected: boolean, how: string) => void,
    onOutput: (text: string) => void,
  ) {
    this.#child = fork(module, [], {
      execArgv: [],
      env: { ...process.env, ELECTRON_RUN_AS_NODE: "1" },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => onOutput(text.trimEnd()));
    }
    this.#child.on("message", (message) => this.#take(message));
    this.#child.once("error", (error) => this.#gone(error.message));
    this.#child.once("exit", (code, signal) => this.#gone(signal ? `signal ${signal}` : `exit code ${code}`));
  }

  async load(request: Omit<Extract<WorkerRequest, { type: "load" }>, "type" | "id">): Promise<Loaded> {
    const response = await this.#ask({ type: "load", ...request });
    if (response.type === "loaded") return response;
    throw unexpected(response);
  }

  /** Null where the request was cancelled, by `signal` or by a newer one. */
  async complete(question: CodeQuestion, signal: AbortSignal): Promise<Completion | null> {
    if (signal.aborted) return null;
    const response = await this.#ask({ type: "complete", ...question }, signal);
    if (response.type === "completion") return response;
    if (response.type === "cancelled") return null;
    throw unexpected(response);
  }

  /** Null where nothing has been completed yet. */
  async showPrompt(): Promise<PromptSection[] | null> {
    const response = await this.#ask({ type: "showPrompt" });
    if (response.type === "prompt") return response.sections;
    throw unexpected(response);
  }

  async forget(document: string): Promise<void> {
    const response = await this.#ask({ type: "forget", document });
    if (response.type !== "forgotten") throw unexpected(response);
  }

  #ask(request: Body<WorkerRequest>, signal?: AbortSignal): Promise<WorkerResponse> {
    if (this.#ended) return Promise.reject(new WorkerGone("The completion worker has ended."));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const cancel = () => this.#send({ type: "cancel", id });
      const settle = () => {
        this.#waiting.delete(id);
        signal?.removeEventListener("abort", cancel);
      };
      this.#waiting.set(id, {
        resolve: (response) => {
          settle();
          resolve(response);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      signal?.addEventListener("abort", cancel, { once: true });
      this.#send({ ...request, id } as WorkerRequest);
    });
  }

  #send(request: WorkerRequest): void {
    // A send to a worker that has just died: its end rejects what waits.
    if (this.#child.connected) this.#child.send(request, () => {});
  }

  #take(message: unknown): void {
    const response = parseWorkerResponse(message);
    if (response !== undefined) {
      this.#waiting.get(response.id)?.resolve(response);
      return;
    }
    // A worker of another version: whoever waits for its answer must not wait for ever.
    const id = (message as { id?: unknown } | null)?.id;
    if (typeof id !== "number") return;
    this.#waiting
      .get(id)
      ?.reject(new Error("The completion worker's answer is of another version; reload the window."));
  }

  #gone(how: string): void {
    const expected = this.#ended;
    this.#ended = true;
    for (const waiting of [...this.#waiting.values()]) {
      waiting.reject(new WorkerGone(`The completion worker ended: ${how}.`));
    }
    this.onEnd(expected, how);
  }

  /** Ends the process; no callback is made for that. */
  dispose(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#child.connected) this.#child.disconnect();
    this.#child.kill();
  }
}

function unexpected(response: WorkerResponse): Error {
  return new Error(response.type === "failed" ? response.message : `The worker answered ${response.type}.`);
}
