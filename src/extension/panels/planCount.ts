import { describeError } from "../../disk/describeError";
import type { DataSummary, ToRunPanel } from "../../protocol/webview";
import { JobCancelled } from "../jobs/runJob";

type Data = Extract<ToRunPanel, { type: "data" }>;

export interface CountOptions {
  signal: AbortSignal;
  onProgress(fraction: number | null): void;
}

/** Counts what the options of `tunesmith summarize` name; throws JobCancelled where `signal` ended it. */
export type CountRows = (args: readonly string[], options: CountOptions) => Promise<DataSummary>;

/** Counts beside the shown one that are kept; a person goes back and forth between a few values. */
const KEPT = 16;

/** What the data of a plan come to: one count at a time, the last one asked for. */
export class PlanCount {
  #summary: DataSummary | undefined;
  #data: Data = { type: "data", state: "loading", fraction: null };
  /** What the last count was made with. */
  #counted = "";
  #counting: { abort: AbortController; done: Promise<void> } | undefined;
  /** What was counted beside what is shown. */
  readonly #compared = new Map<string, DataSummary>();

  constructor(
    private readonly countRows: CountRows,
    private readonly onData: (data: Data) => void,
  ) {}

  /** Of the last count that was made, which may be of what the form said before. */
  get summary(): DataSummary | undefined {
    return this.#summary;
  }

  get data(): Data {
    return this.#data;
  }

  /** Counts, unless that is what the last count was made with. */
  count(args: readonly string[]): void {
    const key = args.join("\n");
    if (key === this.#counted) return;
    this.#counted = key;
    this.#counting?.abort.abort();
    const abort = new AbortController();
    this.#counting = { abort, done: this.#run(args, abort) };
  }

  /** The files have changed: the next count is made whatever it is made with. */
  forget(): void {
    this.#counted = "";
    this.#compared.clear();
  }

  /** What the options come to, without showing it; throws its sentence where it fails, JobCancelled at `signal`. */
  async compare(args: readonly string[], signal: AbortSignal): Promise<DataSummary> {
    const key = args.join("\n");
    if (key === this.#counted) return this.settled(signal);
    const known = this.#compared.get(key);
    if (known !== undefined) return known;
    const summary = await this.countRows(args, { signal, onProgress: () => {} });
    if (this.#compared.size === KEPT) this.#compared.clear();
    this.#compared.set(key, summary);
    return summary;
  }

  /** Why there is nothing to count yet; what was counted before stays. */
  refuse(message: string): void {
    if (this.#counting === undefined && this.#summary === undefined)
      this.#show({ type: "data", state: "error", message });
  }

  /** What the last count that was asked for comes to; throws its sentence where it fails, JobCancelled at `signal`. */
  async settled(signal: AbortSignal): Promise<DataSummary> {
    const cancelled = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(new JobCancelled()), { once: true });
    });
    // It may come after the count, when nobody waits for it.
    cancelled.catch(() => {});
    while (this.#counting !== undefined) await Promise.race([this.#counting.done, cancelled]);
    if (signal.aborted) throw new JobCancelled();
    if (this.#data.state === "error") throw new Error(this.#data.message);
    if (this.#summary === undefined) throw new JobCancelled();
    return this.#summary;
  }

  async #run(args: readonly string[], abort: AbortController): Promise<void> {
    const isLast = () => this.#counting?.abort === abort;
    this.#show({ type: "data", state: "loading", fraction: null });
    try {
      const summary = await this.countRows(args, {
        signal: abort.signal,
        onProgress: (fraction) => {
          if (isLast()) this.#show({ type: "data", state: "loading", fraction });
        },
      });
      if (!isLast()) return;
      this.#counting = undefined;
      this.#summary = summary;
      this.#show({ type: "data", state: "ready", summary });
    } catch (error) {
      if (!isLast()) return;
      this.#counting = undefined;
      this.#counted = "";
      if (error instanceof JobCancelled) return;
      this.#summary = undefined;
      this.#show({ type: "data", state: "error", message: describeError(error) });
    }
  }

  #show(data: Data): void {
    this.#data = data;
    this.onData(data);
  }

  cancel(): void {
    this.#counting?.abort.abort();
  }
}
