import type { WorkerRequest, WorkerResponse } from "../protocol/worker";
import type { Completer } from "./completer";

type Send = (response: WorkerResponse) => void;
type Generating = Extract<WorkerRequest, { type: "complete" | "instruct" }>;

/**
 * The worker's side of src/protocol/worker.ts. One request at a time; a newer completion cancels those before it, the
 * running one too: what the user has typed since makes them worthless. Every request gets exactly one answer, and a
 * `cancel` none of its own.
 */
export class RequestQueue {
  private completer: Completer | null = null;
  private readonly pending = new Map<number, AbortController>();
  private tail: Promise<void> = Promise.resolve();

  constructor(
    private readonly load: (exportDir: string, threads: number) => Promise<Completer>,
    private readonly send: Send,
  ) {}

  handle(request: WorkerRequest): void {
    switch (request.type) {
      case "cancel":
        this.pending.get(request.id)?.abort();
        return;
      case "complete":
      case "instruct":
        this.cancelAll();
        this.enqueue(request.id, (signal) => this.generate(request, signal));
        return;
      case "load":
        this.cancelAll();
        this.enqueue(request.id, () => this.replace(request));
        return;
      case "unload":
        this.cancelAll();
        this.enqueue(request.id, async () => {
          await this.dispose();
          this.send({ type: "unloaded", id: request.id });
        });
        return;
      default: {
        const { type, id } = request as { type: unknown; id: number };
        this.send({
          type: "failed",
          id,
          message: `The completion worker knows no request of the type ${String(type)}.`,
        });
      }
    }
  }

  private cancelAll(): void {
    for (const controller of this.pending.values()) controller.abort();
  }

  private enqueue(id: number, work: (signal: AbortSignal) => Promise<void>): void {
    const controller = new AbortController();
    const cancellable = controller.signal;
    this.pending.set(id, controller);
    this.tail = this.tail.then(async () => {
      try {
        await work(cancellable);
      } catch (error) {
        if (cancellable.aborted) this.send({ type: "cancelled", id });
        else this.send({ type: "failed", id, message: error instanceof Error ? error.message : String(error) });
      } finally {
        if (this.pending.get(id) === controller) this.pending.delete(id);
      }
    });
  }

  private async generate(request: Generating, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.completer) throw new Error("No model is loaded; choose a tuned model for completion first.");
    const completion =
      request.type === "complete"
        ? await this.completer.complete(request, signal)
        : await this.completer.instruct(request, signal);
    signal.throwIfAborted();
    this.send({ type: "completion", id: request.id, ...completion });
  }

  private async replace(request: Extract<WorkerRequest, { type: "load" }>): Promise<void> {
    const start = performance.now();
    await this.dispose();
    this.completer = await this.load(request.exportDir, request.threads);
    this.send({
      type: "loaded",
      id: request.id,
      model: this.completer.name,
      memoryBytes: process.memoryUsage.rss(),
      milliseconds: performance.now() - start,
      provider: "cpu",
      notTaken: [],
    });
  }

  private async dispose(): Promise<void> {
    const { completer } = this;
    this.completer = null;
    await completer?.release();
  }
}
