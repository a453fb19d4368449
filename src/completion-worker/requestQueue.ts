import { RunFailed } from "../model/error";
import type { WorkerRequest, WorkerResponse } from "../protocol/worker";
import type { Completer, Completion } from "./completer";

type Send = (response: WorkerResponse) => void;
type Load = Extract<WorkerRequest, { type: "load" }>;
type Generating = Extract<WorkerRequest, { type: "complete" | "instruct" }>;

interface Pending {
  controller: AbortController;
  /** Asked for before it is wanted. */
  ahead: boolean;
}

/**
 * The worker's side of src/protocol/worker.ts. One request at a time; a newer completion cancels those before it, the
 * running one too: what the user has typed since makes them worthless. One that is asked for ahead cancels only its like,
 * and waits for the others. Every request gets exactly one answer, and a `cancel` none of its own.
 */
export class RequestQueue {
  private completer: Completer | null = null;
  /** What the completer was loaded with. */
  private loaded: Load | null = null;
  private readonly pending = new Map<number, Pending>();
  private tail: Promise<void> = Promise.resolve();

  constructor(
    private readonly load: (request: Load) => Promise<Completer>,
    private readonly send: Send,
  ) {}

  handle(request: WorkerRequest): void {
    const { id } = request;
    switch (request.type) {
      case "cancel":
        this.pending.get(id)?.controller.abort();
        return;
      case "complete":
      case "instruct": {
        const ahead = request.type === "complete" && request.ahead;
        this.giveUp(ahead);
        this.enqueue(id, (signal) => this.generate(request, signal), ahead);
        return;
      }
      case "load":
        this.giveUp(false);
        this.enqueue(id, () => this.replace(request));
        return;
      case "unload":
        this.giveUp(false);
        this.enqueue(id, async () => {
          await this.dispose();
          this.send({ type: "unloaded", id });
        });
        return;
      case "forget":
        this.enqueue(id, async () => {
          this.completer?.forget(request.document);
          this.send({ type: "forgotten", id });
        });
        return;
      case "showPrompt":
        // What is being computed need not be over.
        this.send({ type: "prompt", id, sections: this.completer?.lastPrompt ?? null });
        return;
      default:
        this.send({
          type: "failed",
          id,
          message: `The completion worker knows no request of the type ${String((request as { type: unknown }).type)}.`,
        });
    }
  }

  /** Cancels what has been asked for so far, or of that only what was asked for ahead. */
  private giveUp(onlyAhead: boolean): void {
    for (const { controller, ahead } of this.pending.values()) if (ahead || !onlyAhead) controller.abort();
  }

  private enqueue(id: number, work: (signal: AbortSignal) => Promise<void>, ahead = false): void {
    const pending: Pending = { controller: new AbortController(), ahead };
    const { signal } = pending.controller;
    this.pending.set(id, pending);
    this.tail = this.tail.then(async () => {
      try {
        await work(signal);
      } catch (error) {
        if (signal.aborted) this.send({ type: "cancelled", id });
        else this.send({ type: "failed", id, message: error instanceof Error ? error.message : String(error) });
      } finally {
        if (this.pending.get(id) === pending) this.pending.delete(id);
      }
    });
  }

  private async generate(request: Generating, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const completion = await this.compute(request, signal).catch(async (error: unknown) => {
      if (signal.aborted || !(error instanceof RunFailed) || this.completer?.provider === "cpu") throw error;
      await this.moveToCpu(error);
      return this.compute(request, signal);
    });
    signal.throwIfAborted();
    this.send({ type: "completion", id: request.id, ...completion });
    this.keepToLimit(completion.memoryBytes);
  }

  private async compute(request: Generating, signal: AbortSignal): Promise<Completion> {
    if (!this.completer) throw new Error("No model is loaded; choose a tuned model for completion first.");
    return request.type === "complete"
      ? this.completer.complete(request, signal)
      : this.completer.instruct(request, signal);
  }

  private async moveToCpu(error: RunFailed): Promise<void> {
    console.error(`Goes on on the CPU, since ${this.completer?.provider} failed: ${error.message}`);
    await this.dispose();
    this.completer = await this.load({ ...this.loaded!, provider: "cpu" });
  }

  /** Caches of other documents go as far as the process is above the limit. */
  private keepToLimit(memoryBytes: number): void {
    const limit = this.loaded?.memoryLimit ?? 0;
    if (this.completer === null || limit === 0 || memoryBytes <= limit) return;
    this.completer.limitCaches(Math.max(0, this.completer.cacheBytes - (memoryBytes - limit)));
  }

  private async replace(request: Load): Promise<void> {
    const start = performance.now();
    await this.dispose();
    this.completer = await this.load(request);
    this.loaded = request;
    this.send({
      type: "loaded",
      id: request.id,
      model: this.completer.name,
      memoryBytes: process.memoryUsage.rss(),
      milliseconds: performance.now() - start,
      provider: this.completer.provider,
      notTaken: this.completer.notTaken,
    });
  }

  private async dispose(): Promise<void> {
    const { completer } = this;
    this.completer = null;
    await completer?.release();
  }
}
