import * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import type { SeriesName } from "../../protocol/curveView";
import type { FromRunPanel, ToRunPanel } from "../../protocol/webview";
import type { RunHead } from "../../run/runState";
import type { Services } from "../context";
import { JobCancelled } from "../jobs/runJob";
import { resumeWithProgress } from "../runs/resumeRun";
import { readDetails } from "../runs/runData";
import type { TrackedRun } from "../runs/runRegistry";
import { shownHead } from "../runs/shownHead";
import { requestStop } from "../runs/startRun";
import { offerToEnd } from "../runs/unansweredStops";
import { controlPart } from "./controlPart";
import { CurveFeed } from "./curveFeed";
import { curvesPart } from "./curvesPart";
import { evaluationPart } from "./evaluationPart";
import { NoticesPart } from "./noticesPart";
import { RowsPart } from "./rowsPart";
import type { RunPart, RunPartContext } from "./runPart";
import { SamplesPart } from "./samplesPart";
import { TryItPart } from "./tryItPart";

/** One a section of the page (webview/run-panel/runView.ts). */
const parts: ((context: RunPartContext) => RunPart)[] = [
  (context) => new NoticesPart(context),
  controlPart,
  curvesPart,
  (context) => new SamplesPart(context),
  (context) => new TryItPart(context),
  (context) => new RowsPart(context),
  evaluationPart,
];

/** The losses first: they are what a person opens the panel for. */
const drawn: readonly SeriesName[] = [
  "loss",
  "evalLoss",
  "learningRate",
  "gradientNorm",
  "tokensPerSecond",
  "memory",
  "utilisation",
  "temperature",
];

/** One run in a panel: its curve as it grows, and what can be done with it. */
export class RunSession implements vscode.Disposable {
  #exporting: Extract<ToRunPanel, { type: "exporting" | "exportFailed" }> | undefined;
  #export: AbortController | undefined;
  #resuming = false;
  #pageIsUp = false;
  readonly #subscriptions: vscode.Disposable[];
  readonly #parts: RunPart[];
  readonly #feed: CurveFeed;
  readonly #viewing: vscode.Disposable;

  constructor(
    private readonly services: Services,
    readonly run: TrackedRun,
    private readonly post: (message: ToRunPanel) => void,
  ) {
    this.#viewing = services.runs.view(run);
    this.#feed = new CurveFeed(run.directory, drawn, () => run.whole, post);
    this.#parts = parts.map((make) => make({ services, run, post }));
    this.#subscriptions = [
      services.runs.onDidUpdate(({ run: updated, update, before }) => {
        if (updated.directory !== run.directory) return;
        // With a new state the details may be new as well: the data have been prepared.
        if (before !== update.head.state) void this.#showHead();
        else this.#postHead(update.head);
        if (this.#pageIsUp) void this.#feed.send();
        if (run.whole !== undefined) for (const part of this.#parts) part.update?.(update);
      }),
      services.completion.onDidChange(() => this.#postHead()),
      services.preparations.onDidChange((directory) => {
        if (directory === run.directory) this.#postHead();
      }),
      services.runs.onDidChange(() => this.#postIfGone()),
    ];
  }

  /** For a page that is still loading: what it opens with. All curves of a long run would hold its loading up. */
  async announce(): Promise<void> {
    this.#pageIsUp = false;
    await this.#showHead();
    if (this.#pageIsUp) return;
    this.#feed.restart();
    this.#feed.sendFirst();
  }

  /** All that the page shows, for a page that has just come up. */
  async show(): Promise<void> {
    await this.#showHead();
    // What was sent ahead may have gone down with a page that was hidden or given up: the page gets all.
    this.#feed.restart();
    this.#pageIsUp = true;
    void this.#feed.send();
    if (this.#gone) return;
    if (this.#exporting !== undefined) this.post(this.#exporting);
    // What sections show is read in jobs: with the steps the revision changes, and all of it would be read twice.
    await this.services.runs.whole(this.run);
    for (const part of this.#parts) await part.show();
  }

  async #showHead(): Promise<void> {
    const details = await readDetails(this.run.directory, this.run.spec);
    this.post({ type: "run", run: this.#marked(this.run.head()), details });
    this.#postIfGone();
  }

  /** Deleted elsewhere, or its folder closed: what there is of it is still shown, and nothing more can be done with it. */
  #postIfGone(): void {
    if (this.#gone) this.post({ type: "gone" });
  }

  get #gone(): boolean {
    return this.services.runs.at(this.run.directory) === undefined;
  }

  /** What a section of the page asks for. */
  async receive(message: FromRunPanel): Promise<void> {
    await this.#attempt(async () => {
      for (const part of this.#parts) if (await part.receive(message)) return;
    });
  }

  #postHead(head = this.run.head()): void {
    this.post({ type: "head", head: this.#marked(head) });
  }

  #marked(head: RunHead): RunHead {
    return shownHead(this.services, this.run, head);
  }

  async stop(): Promise<void> {
    await this.#attempt(() => requestStop(this.services, this.run));
  }

  async resume(): Promise<void> {
    if (this.#resuming) return;
    this.#resuming = true;
    await this.#attempt(() => resumeWithProgress(this.services, this.run));
    this.#resuming = false;
  }

  async endEngine(): Promise<void> {
    await this.#attempt(() => offerToEnd(this.services, this.run));
  }

  async #attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (error instanceof JobCancelled) return;
      this.services.log.error(describeError(error));
      this.post({ type: "actionFailed", message: describeError(error) });
    }
  }

  async useForCompletion(): Promise<void> {
    if (this.#export !== undefined) return;
    this.#export = new AbortController();
    const { signal } = this.#export;
    this.#setExporting({ type: "exporting", stage: vscode.l10n.t("Writing the model"), fraction: null });
    const choice = { directory: this.run.directory, name: this.run.name };
    try {
      await this.services.completion.use(choice, {
        signal,
        onProgress: (stage, fraction) => this.#setExporting({ type: "exporting", stage, fraction }),
      });
      this.#exporting = undefined;
      this.#postHead();
    } catch (error) {
      this.#exportEnded(error);
    } finally {
      this.#export = undefined;
    }
  }

  cancelExport(): void {
    this.#export?.abort();
  }

  #exportEnded(error: unknown): void {
    const cancelled = error instanceof JobCancelled;
    if (!cancelled) this.services.log.error(describeError(error));
    const message = cancelled ? vscode.l10n.t("Cancelled; the model is not in use.") : describeError(error);
    this.#setExporting({ type: "exportFailed", message });
  }

  #setExporting(message: Extract<ToRunPanel, { type: "exporting" | "exportFailed" }>): void {
    this.#exporting = message;
    this.post(message);
  }

  dispose(): void {
    this.#feed.dispose();
    for (const item of [...this.#subscriptions, ...this.#parts, this.#viewing]) item.dispose();
  }
}
