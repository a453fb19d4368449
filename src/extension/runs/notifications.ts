import * as vscode from "vscode";
import type { RunState } from "../../protocol/webview";
import type { Services } from "../context";
import { describeGain } from "../views/runText";
import { isActive, type TrackedRun } from "./runRegistry";

/** Runs that were going on when this workspace was last looked at: their end is told even if the window was closed. */
const WATCHED_KEY = "tunesmith.watchedRuns";

/** Says once that a run has finished or failed. */
export class RunNotifications implements vscode.Disposable {
  readonly #subscriptions: vscode.Disposable[];
  #known = false;

  constructor(private readonly services: Services) {
    const { runs } = services;
    this.#subscriptions = [
      runs.onDidChange(() => this.#catchUp()),
      runs.onDidUpdate(({ run, update, before }) => {
        if (before !== update.head.state) this.#moved(run, update.head.state);
      }),
    ];
  }

  /** What has ended since the last session. */
  #catchUp(): void {
    const { runs } = this.services;
    if (!this.#known && runs.loaded) {
      this.#known = true;
      const watched = new Set(this.#watched());
      for (const run of runs.runs) if (watched.has(run.id) && !run.active) this.#tell(run, run.head().state);
    }
    void this.#remember();
  }

  #moved(run: TrackedRun, now: RunState): void {
    const { log } = this.services;
    log.info(`${run.id}: ${now}`);
    if (!isActive(now) && this.#watched().includes(run.id)) this.#tell(run, now);
    void this.#remember();
  }

  #watched(): string[] {
    const ids = this.services.extension.workspaceState.get<unknown>(WATCHED_KEY);
    return Array.isArray(ids) ? ids.filter((id) => typeof id === "string") : [];
  }

  async #remember(): Promise<void> {
    const active = this.services.runs.runs.filter((run) => run.active).map((run) => run.id);
    if (JSON.stringify(active) === JSON.stringify(this.#watched())) return;
    await this.services.extension.workspaceState.update(WATCHED_KEY, active);
  }

  #tell(run: TrackedRun, state: RunState): void {
    if (state === "finished") void this.#tellFinished(run);
    else if (state === "failed") void this.#tellFailed(run);
  }

  async #tellFinished(run: TrackedRun): Promise<void> {
    const { evalLoss, evalLossBefore } = run.head();
    const gain = evalLoss === null || evalLossBefore === null ? "" : `: ${describeGain(evalLossBefore, evalLoss)}`;
    const use = vscode.l10n.t("Use for Completion");
    const open = vscode.l10n.t("Open");
    const message = vscode.l10n.t("{0} has finished{1}.", run.name, gain);
    const chosen = await vscode.window.showInformationMessage(message, use, open);
    if (chosen === use) await vscode.commands.executeCommand("tunesmith.useForCompletion", run.id);
    if (chosen === open) this.services.panels.openRun(run);
  }

  async #tellFailed(run: TrackedRun): Promise<void> {
    const { cause } = run.head();
    const open = vscode.l10n.t("Open");
    const showLog = vscode.l10n.t("Show Log");
    const message = vscode.l10n.t("{0} failed: {1}", run.name, cause ?? vscode.l10n.t("see the log"));
    const chosen = await vscode.window.showErrorMessage(message, open, showLog);
    if (chosen === open) this.services.panels.openRun(run);
    if (chosen === showLog) await vscode.commands.executeCommand("tunesmith.showLog", run.id);
  }

  dispose(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}
