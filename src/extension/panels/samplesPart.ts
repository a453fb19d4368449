import { describeError } from "../../disk/describeError";
import type { SampleReport, ToSamples } from "../../protocol/samplesView";
import type { FromRunPanel } from "../../protocol/webview";
import { JobCancelled, runJob } from "../jobs/runJob";
import type { RunPart, RunPartContext } from "./runPart";
import { parseSampleReport } from "./samplesMessages";

type SamplesMessage = Extract<ToSamples, { type: "samples" }>;

/** The pinned prompts with their answers. Tokens become text in a job, one after the other, never in this process. */
export class SamplesPart implements RunPart {
  #shown: SamplesMessage | undefined;
  /** Of the answers that the last job was started for. */
  #read = "";
  #jobs: Promise<void> = Promise.resolve();
  #waiting = false;
  readonly #abort = new AbortController();

  constructor(private readonly context: RunPartContext) {}

  show(): void {
    if (this.#shown !== undefined) this.context.post(this.#shown);
    this.update();
  }

  /** Reads the answers where there are others than at the last time. */
  update(): void {
    const { run } = this.context;
    const { state } = run.head();
    if (state === "queued" || state === "preparing") return;
    const { samples, revision } = run.history;
    const last = samples.at(-1);
    const now = [samples.length, last?.attempt, last?.step, last?.prompt, last?.base, revision].join(" ");
    if (now === this.#read) return;
    this.#read = now;
    if (this.#waiting) return;
    this.#waiting = true;
    void this.#next(async () => {
      this.#waiting = false;
      if (this.#shown === undefined) this.#tell({ type: "samples", state: "loading" });
      await this.#report([]);
    }).catch((error: unknown) => {
      if (!(error instanceof JobCancelled))
        this.#tell({ type: "samples", state: "error", message: describeError(error) });
    });
  }

  async receive(message: FromRunPanel): Promise<boolean> {
    switch (message.type) {
      case "addSample":
        await this.#pin(message.instruction);
        return true;
      case "removeSample":
        await this.#next(() => this.#report([`--remove=${message.id}`]));
        return true;
      default:
        return false;
    }
  }

  async #pin(instruction: string): Promise<void> {
    const { post } = this.context;
    post({ type: "pinning", state: "busy" });
    try {
      await this.#next(() => this.#report([`--add=${instruction}`]));
      post({ type: "pinning", state: "done" });
    } catch (error) {
      if (error instanceof JobCancelled) return;
      post({ type: "pinning", state: "failed", message: describeError(error) });
    }
  }

  async #report(options: readonly string[]): Promise<void> {
    const { run, services } = this.context;
    const value = await runJob({
      extensionPath: services.extension.extensionPath,
      args: ["samples", run.directory, ...options],
      signal: this.#abort.signal,
    });
    const report: SampleReport = parseSampleReport(value);
    this.#tell({ type: "samples", state: "ready", report });
  }

  /** After what is under way, so that none overwrites what another has pinned. */
  #next(work: () => Promise<void>): Promise<void> {
    const done = this.#jobs.then(work);
    this.#jobs = done.catch(() => {});
    return done;
  }

  #tell(message: SamplesMessage): void {
    this.#shown = message;
    this.context.post(message);
  }

  dispose(): void {
    this.#abort.abort();
  }
}
