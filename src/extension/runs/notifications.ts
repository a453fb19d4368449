import { statfs } from "node:fs/promises";
import * as vscode from "vscode";
import type { RunState } from "../../protocol/webview";
import { type Alert, AlertRules, isDiskNearlyFull } from "../../run/alerts";
import { tellOnce } from "../../run/told";
import type { Services } from "../context";
import { loss } from "../figures";
import { readSettings } from "../settings";
import { describeGain } from "../views/runText";
import { isActive, type TrackedRun } from "./runRegistry";

/** Runs that were going on when this workspace was last looked at: their end is told even if the window was closed. */
const WATCHED_KEY = "tunesmith.watchedRuns";
const DISK_EVERY_MS = 60_000;

type Kind = "finished" | "failed" | "loss-not-finite" | "disk-nearly-full" | Alert["kind"];

/** Says what a person would want to know of a run while looking elsewhere: each once a run, and what settings allow. */
export class RunNotifications implements vscode.Disposable {
  readonly #subscriptions: vscode.Disposable[];
  readonly #rules = new Map<string, AlertRules>();
  readonly #disk: NodeJS.Timeout;
  #known = false;

  constructor(private readonly services: Services) {
    const { runs } = services;
    this.#subscriptions = [
      runs.onDidChange(() => this.#catchUp()),
      runs.onDidUpdate(({ run, update, before }) => {
        if (before !== update.head.state) this.#moved(run, update.head.state);
        if (update.head.state === "running") this.#look(run);
      }),
    ];
    this.#disk = setInterval(() => void this.#lookAtDisk(), DISK_EVERY_MS);
  }

  /** What has ended since the last session. */
  #catchUp(): void {
    const { runs } = this.services;
    if (!runs.loaded) return;
    if (!this.#known) {
      this.#known = true;
      const watched = new Set(this.#watched());
      for (const run of runs.runs)
        if (watched.has(run.directory) && !run.active) void this.#tellEnd(run, run.head().state);
    }
    for (const directory of this.#rules.keys()) if (runs.at(directory) === undefined) this.#rules.delete(directory);
    void this.#remember();
  }

  #moved(run: TrackedRun, now: RunState): void {
    this.services.log.info(`${run.id}: ${now}`);
    if (!isActive(now)) {
      this.#rules.delete(run.directory);
      if (this.#watched().includes(run.directory)) void this.#tellEnd(run, now);
    } else if (now !== "paused") void this.#lookAtDisk();
    void this.#remember();
  }

  #watched(): string[] {
    const ids = this.services.extension.workspaceState.get<unknown>(WATCHED_KEY);
    return Array.isArray(ids) ? ids.filter((id) => typeof id === "string") : [];
  }

  async #remember(): Promise<void> {
    // Those that are not read yet may be going on too.
    if (!this.services.runs.loaded) return;
    const active = this.services.runs.runs.filter((run) => run.active).map((run) => run.directory);
    if (JSON.stringify(active) === JSON.stringify(this.#watched())) return;
    await this.services.extension.workspaceState.update(WATCHED_KEY, active);
  }

  #look(run: TrackedRun): void {
    const rules = this.#rules.get(run.directory) ?? new AlertRules();
    this.#rules.set(run.directory, rules);
    if (run.whole === undefined) return;
    const { temperatureLimit } = readSettings();
    for (const alert of rules.look(run.whole, temperatureLimit)) void this.#tellAlert(run, alert);
  }

  async #lookAtDisk(): Promise<void> {
    for (const run of this.services.runs.runs.filter(({ active }) => active)) {
      const free = await freeBytes(run.directory);
      if (free === null || !isDiskNearlyFull(free, run.history.plan?.adapterBytes ?? null)) continue;
      const message = vscode.l10n.t(
        "The disk has {0} GB left; {1} may not be able to write its next checkpoint. Free some, or stop the run.",
        (free / 1e9).toFixed(1),
        run.name,
      );
      if (await this.#mayTell(run, "disk-nearly-full")) await this.#warn(run, message);
    }
  }

  /** Whether settings allow it and nobody was told yet, here or in another window. */
  async #mayTell(run: TrackedRun, kind: Kind, key: string = kind): Promise<boolean> {
    return readSettings().notifications.includes(kind) && (await tellOnce(run.directory, key));
  }

  async #tellEnd(run: TrackedRun, state: RunState): Promise<void> {
    const { attempt, end } = run.history;
    if (state === "finished" && (await this.#mayTell(run, "finished", `finished-${attempt}`))) {
      // What a person is looking at says so itself.
      if (!this.services.panels.isInSight(run)) await this.#tellFinished(run);
    }
    if (state !== "failed") return;
    const astray = end?.type === "error" && end.code === "loss-not-finite";
    if (astray && (await this.#mayTell(run, "loss-not-finite", `loss-not-finite-${attempt}`))) {
      await this.#tellAstray(run);
    } else if (!astray && (await this.#mayTell(run, "failed", `failed-${attempt}`))) await this.#tellFailed(run);
  }

  async #tellFinished(run: TrackedRun): Promise<void> {
    const { evalLoss, evalLossBefore } = run.head();
    const gain = evalLoss === null || evalLossBefore === null ? "" : `: ${describeGain(evalLossBefore, evalLoss)}`;
    const use = vscode.l10n.t("Use for Completion");
    const open = vscode.l10n.t("Open");
    const message = vscode.l10n.t("{0} has finished{1}.", run.name, gain);
    const chosen = await vscode.window.showInformationMessage(message, use, open);
    if (chosen === use) await vscode.commands.executeCommand("tunesmith.useForCompletion", run.directory);
    if (chosen === open) this.services.panels.openRun(run);
  }

  async #tellFailed(run: TrackedRun): Promise<void> {
    const { cause } = run.head();
    const open = vscode.l10n.t("Open");
    const showLog = vscode.l10n.t("Show Log");
    const message = vscode.l10n.t("{0} failed: {1}", run.name, cause ?? vscode.l10n.t("see the log"));
    const chosen = await vscode.window.showErrorMessage(message, open, showLog);
    if (chosen === open) this.services.panels.openRun(run);
    if (chosen === showLog) await vscode.commands.executeCommand("tunesmith.showLog", run.directory);
  }

  async #tellAstray(run: TrackedRun): Promise<void> {
    const open = vscode.l10n.t("Open");
    const message = vscode.l10n.t(
      "{0} has gone astray: its loss is no longer a number. Start it again with a lower learning rate; half of it is a good try.",
      run.name,
    );
    if ((await vscode.window.showErrorMessage(message, open)) === open) this.services.panels.openRun(run);
  }

  async #tellAlert(run: TrackedRun, alert: Alert): Promise<void> {
    if (!(await this.#mayTell(run, alert.kind))) return;
    await this.#warn(run, alertText(run, alert));
  }

  async #warn(run: TrackedRun, message: string): Promise<void> {
    this.services.log.warn(`${run.id}: ${message}`);
    const stop = vscode.l10n.t("Stop");
    const open = vscode.l10n.t("Open");
    const chosen = await vscode.window.showWarningMessage(message, stop, open);
    if (chosen === stop) await vscode.commands.executeCommand("tunesmith.stopRun", run.directory);
    if (chosen === open) this.services.panels.openRun(run);
  }

  dispose(): void {
    clearInterval(this.#disk);
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}

function alertText(run: TrackedRun, alert: Alert): string {
  if (alert.kind === "temperature") {
    return vscode.l10n.t(
      "The GPU has been at {0} °C for a minute while {1} computes; look to its cooling.",
      alert.celsius,
      run.name,
    );
  }
  return alert.of === "held-out"
    ? vscode.l10n.t(
        "The held-out loss of {0} has risen three times in a row, from {1} to {2}: it may learn its rows by heart from here on.",
        run.name,
        loss(alert.from),
        loss(alert.to),
      )
    : vscode.l10n.t(
        "The training loss of {0} has risen from {1} to {2} and stays there: the learning rate may be too high.",
        run.name,
        loss(alert.from),
        loss(alert.to),
      );
}

/** Null where the file system does not tell. */
async function freeBytes(folder: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return null;
  }
}
