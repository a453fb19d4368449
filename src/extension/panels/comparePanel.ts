import { basename } from "node:path";
import * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import type { ComparedEvaluation, ComparedRun, FromCompareView, ToCompareView } from "../../protocol/compareView";
import type { RunDetails } from "../../protocol/webview";
import { compareSettings, heldOutDiffers } from "../../run/compare";
import { changeRunNotes, type RunNotes, tidyName, tidyTags } from "../../run/runNotes";
import type { Services } from "../context";
import { pickRuns } from "../runs/pickRun";
import { readContents, readDetails } from "../runs/runData";
import type { RunChange, TrackedRun } from "../runs/runRegistry";
import { MAX_COMPARED, parseFromCompareView } from "./compareMessages";
import { CurveFeed } from "./curveFeed";
import { webviewHtml } from "./webviewHtml";

/** Runs side by side, as they go on. */
export class ComparePanel {
  /** The runs' directories. */
  #ids: string[];
  readonly #feeds = new Map<string, CurveFeed>();
  #viewing: readonly vscode.Disposable[] = [];
  #released = false;
  readonly #data = new Map<string, RunDetails["data"]>();
  readonly #evaluations = new Map<string, ComparedEvaluation | null>();
  /** The page's script has come up: what was posted before is lost. */
  #ready = false;
  /** Of the runs that are shown, those that are there. */
  #present = "";
  readonly #subscriptions: vscode.Disposable[];

  constructor(
    private readonly services: Services,
    private readonly panel: vscode.WebviewPanel,
    ids: readonly string[],
  ) {
    this.#ids = ids.slice(0, MAX_COMPARED);
    const { extensionUri } = services.extension;
    const icon = (theme: string) => vscode.Uri.joinPath(extensionUri, "media", `tunesmith-${theme}.svg`);
    panel.iconPath = { light: icon("light"), dark: icon("dark") };
    this.#subscriptions = [
      panel.webview.onDidReceiveMessage((message: unknown) => this.#receive(message)),
      services.runs.onDidUpdate((change) => this.#onUpdate(change)),
      services.runs.onDidChange(() => this.#onRunsChanged()),
      services.evaluations.onDidChange((directory) => void this.#onEvaluated(directory)),
      services.completion.onDidChange(() => {
        for (const run of this.#runs()) this.#postRun(run);
      }),
    ];
    this.#setTitle();
    panel.webview.html = webviewHtml(panel.webview, extensionUri, "compare");
  }

  get ids(): readonly string[] {
    return this.#ids;
  }

  reveal(): void {
    this.panel.reveal();
  }

  release(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    for (const feed of this.#feeds.values()) feed.dispose();
    this.#feeds.clear();
    this.#released = true;
    for (const viewing of this.#viewing) viewing.dispose();
  }

  #setTitle(): void {
    this.panel.title = vscode.l10n.t("Compare {0} runs", this.#ids.length);
  }

  #runs(): TrackedRun[] {
    return this.#ids.flatMap((id) => this.services.runs.at(id) ?? []);
  }

  /** All that the page shows. */
  async #show(): Promise<void> {
    const runs = this.#runs();
    this.#present = presentKey(runs);
    // Older runs are not followed until somebody looks at them.
    await Promise.all(runs.map((run) => this.services.runs.refresh(run)));
    this.#view(runs);
    await Promise.all(runs.map((run) => this.#readData(run)));
    const contents = await Promise.all(runs.map((run) => readContents(run.directory)));
    // The choice has changed meanwhile: whoever changed it shows it.
    if (this.#present !== presentKey(this.#runs())) return;
    const settings = compareSettings(runs.map(({ spec }, index) => ({ spec, contents: contents[index]! })));
    this.#post({
      type: "compare",
      runs: runs.map((run) => this.#compared(run)),
      settings,
      lossesDiffer: heldOutDiffers(settings),
      missing: this.#ids.filter((id) => !runs.some((run) => run.directory === id)).map((id) => basename(id)),
    });
    this.#feedAnew(runs);
  }

  /** Those that go on being shown are not left in between. */
  #view(runs: readonly TrackedRun[]): void {
    if (this.#released) return;
    const before = this.#viewing;
    this.#viewing = runs.map((run) => this.services.runs.view(run));
    for (const viewing of before) viewing.dispose();
  }

  #feedAnew(runs: readonly TrackedRun[]): void {
    for (const feed of this.#feeds.values()) feed.dispose();
    this.#feeds.clear();
    for (const run of runs) {
      const feed = new CurveFeed(
        run.directory,
        ["loss", "evalLoss"],
        () => run.whole,
        (message) => this.#post(message),
      );
      this.#feeds.set(run.directory, feed);
      void feed.send();
    }
  }

  #onUpdate({ run, update, before }: RunChange): void {
    const feed = this.#feeds.get(run.directory);
    if (feed === undefined) return;
    // With a new state the data may have been prepared, and with them what the runs are compared by.
    if (before !== update.head.state) {
      void this.#show();
      return;
    }
    this.#postRun(run);
    void feed.send();
  }

  #onRunsChanged(): void {
    if (this.#ready && presentKey(this.#runs()) !== this.#present) void this.#show();
  }

  async #readData(run: TrackedRun): Promise<void> {
    this.#data.set(run.directory, (await readDetails(run.directory, run.spec)).data);
    const { report, stale } = await this.services.evaluations.read(run.directory);
    this.#evaluations.set(run.directory, report === null ? null : { tuned: report.tuned, stale });
  }

  async #onEvaluated(directory: string): Promise<void> {
    const run = this.#runs().find((shown) => shown.directory === directory);
    // While it goes on nothing new is there to be read.
    if (run === undefined || this.services.evaluations.progress(directory) !== null) return;
    await this.#readData(run);
    this.#postRun(run);
  }

  #compared(run: TrackedRun): ComparedRun {
    const { tags, notes } = run.notes;
    const data = this.#data.get(run.directory) ?? null;
    return {
      ...run.head(),
      inUse: this.services.completion.isInUse(run.directory),
      givenName: run.spec.name,
      tags: [...tags],
      notes,
      createdAt: run.spec.createdAt,
      trained: run.whole?.work ?? null,
      data: data === null ? null : { trainRows: data.trainRows, evalRows: data.evalRows },
      usable: run.usable,
      evaluation: this.#evaluations.get(run.directory) ?? null,
    };
  }

  #postRun(run: TrackedRun): void {
    this.#post({ type: "run", run: this.#compared(run) });
  }

  #post(message: ToCompareView): void {
    if (this.#ready) void this.panel.webview.postMessage(message);
  }

  #receive(value: unknown): void {
    const message = parseFromCompareView(value);
    if (message === undefined) {
      this.services.log.warn("The comparison sent a message that is not one of its protocol.");
      return;
    }
    this.#act(message).catch((error: unknown) => {
      this.services.log.error(describeError(error));
      this.#post({ type: "actionFailed", message: describeError(error) });
    });
  }

  async #act(message: FromCompareView): Promise<void> {
    if (message.type === "ready") {
      this.#ready = true;
      return this.#show();
    }
    if (message.type === "add") return this.#addRuns();
    if (message.type === "remove") return this.#setIds(this.#ids.filter((id) => id !== message.id));
    const run = this.#ids.includes(message.id) ? this.services.runs.at(message.id) : undefined;
    if (run === undefined) return;
    switch (message.type) {
      case "openRun":
        return this.services.panels.openRun(run);
      case "useForCompletion":
        return vscode.commands.executeCommand("tunesmith.useForCompletion", run.directory);
      case "rename":
        return this.#changeNotes(run, { name: message.name === run.spec.name ? null : tidyName(message.name) });
      case "setTags":
        return this.#changeNotes(run, { tags: tidyTags(message.tags) });
      case "setNotes":
        return this.#changeNotes(run, { notes: message.notes });
    }
  }

  async #changeNotes(run: TrackedRun, change: Partial<RunNotes>): Promise<void> {
    try {
      await changeRunNotes(run.directory, change);
    } finally {
      await this.services.runs.refresh(run);
      // What was typed may have been tidied, or not be kept at all.
      this.#postRun(run);
    }
  }

  async #addRuns(): Promise<void> {
    const words = {
      pick: vscode.l10n.t("Choose runs to add to the comparison"),
      none: vscode.l10n.t("There is no other run to compare with."),
    };
    const added = await pickRuns(
      this.services,
      undefined,
      undefined,
      words,
      (run) => !this.#ids.includes(run.directory),
    );
    if (added === undefined || added.length === 0) return;
    const ids = [...this.#ids, ...added.map((run) => run.directory)];
    if (ids.length > MAX_COMPARED) void vscode.window.showInformationMessage(tooMany());
    await this.#setIds(ids.slice(0, MAX_COMPARED));
  }

  async #setIds(ids: string[]): Promise<void> {
    if (ids.length === 0) {
      this.panel.dispose();
      return;
    }
    this.#ids = ids;
    this.#setTitle();
    await this.#show();
  }
}

/** What is said where more runs are chosen than can be told apart. */
export function tooMany(): string {
  return vscode.l10n.t("At most {0} runs can be compared at once: the first {0} are shown.", MAX_COMPARED);
}

const presentKey = (runs: readonly TrackedRun[]) => runs.map((run) => run.directory).join("\n");
