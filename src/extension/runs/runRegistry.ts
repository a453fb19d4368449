import { existsSync } from "node:fs";
import { basename } from "node:path";
import * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import type { RunSpec } from "../../protocol/run";
import type { RunState } from "../../protocol/webview";
import { deleteRun, listRunDirectories, runPaths, runsFolderOf } from "../../run/runDirectory";
import type { RunHistory } from "../../run/runHistory";
import { RunMonitor, type RunUpdate, watchRunsFolder } from "../../run/runMonitor";
import type { RunNotes } from "../../run/runNotes";
import { canResume, type RunHead } from "../../run/runState";
import { readSettings } from "../settings";

/** Ended runs that are watched too: another window or the CLI may let them go on. */
const FOLLOWED_ENDED_RUNS = 20;

const activeStates: ReadonlySet<RunState> = new Set(["preparing", "running", "paused"]);

export function isActive(state: RunState): boolean {
  return activeStates.has(state);
}

/** One run of the workspace, as the views see it. */
export class TrackedRun {
  constructor(private readonly monitor: RunMonitor) {}

  get directory(): string {
    return this.monitor.directory;
  }

  get id(): string {
    return basename(this.monitor.directory);
  }

  get spec(): RunSpec {
    return this.monitor.spec;
  }

  get name(): string {
    return this.monitor.name;
  }

  get notes(): Readonly<RunNotes> {
    return this.monitor.notes;
  }

  get history(): Readonly<RunHistory> {
    return this.monitor.history;
  }

  /** Lines of events.jsonl that are no events. */
  get skippedLines(): number {
    return this.monitor.skippedLines;
  }

  /** Of an events.jsonl that is too long to be read whole. */
  get leftOutBytes(): number {
    return this.monitor.leftOutBytes;
  }

  head(): RunHead {
    return this.monitor.head();
  }

  get active(): boolean {
    return isActive(this.head().state);
  }

  /** Its engine takes what a person asks for. */
  get controllable(): boolean {
    const { state } = this.head();
    return state === "running" || state === "paused";
  }

  get ended(): boolean {
    const { state } = this.head();
    return state === "stopped" || state === "failed" || state === "finished";
  }

  get resumable(): boolean {
    return canResume(this.head().state);
  }

  /** An adapter is written when a run finishes or is stopped. */
  get usable(): boolean {
    const { state } = this.head();
    return (state === "finished" || state === "stopped") && existsSync(runPaths(this.directory).adapter);
  }
}

export interface RunChange {
  run: TrackedRun;
  update: RunUpdate;
  /** The state before this update. */
  before: RunState;
  renamed: boolean;
}

/** A folder among the runs whose run.json cannot be read. */
export interface UnreadableRun {
  directory: string;
  /** One sentence. */
  reason: string;
}

interface Entry {
  run: TrackedRun;
  monitor: RunMonitor;
  following: boolean;
  state: RunState;
  name: string;
}

/** The runs of the workspace's folders: found, watched and kept up to date from the first `load` on. */
export class RunRegistry implements vscode.Disposable {
  readonly #entries = new Map<string, Entry>();
  readonly #unreadable = new Map<string, string>();
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #updated = new vscode.EventEmitter<RunChange>();
  /** A run has come or gone. */
  readonly onDidChange = this.#changed.event;
  /** A run has moved on. */
  readonly onDidUpdate = this.#updated.event;
  readonly #watched = new Map<string, () => Promise<void>>();
  readonly #subscriptions: vscode.Disposable[];
  #loading: Promise<void> | undefined;
  #scanning: Promise<void> | undefined;
  #scanAgain = false;
  #disposed = false;
  loaded = false;
  /** In the tree; some may be unreadable, or no longer there. */
  selected: readonly { directory: string }[] = [];

  constructor(private readonly log: vscode.LogOutputChannel) {
    this.#subscriptions = [
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.#foldersChanged()),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration("tunesmith.runsFolder")) this.#foldersChanged();
      }),
    ];
  }

  /** Whether there may be something to load: asked at activation, so it must cost nothing. */
  static hasRuns(): boolean {
    return runsFolders().some((folder) => existsSync(folder));
  }

  /** Finds the runs and keeps following them; resolves with the first full list. */
  load(): Promise<void> {
    this.#loading ??= this.#watchFolders()
      .then(() => this.rescan())
      .then(() => {
        this.loaded = true;
        this.#changed.fire();
      });
    return this.#loading;
  }

  /** What lies among the runs and cannot be read, newest first. */
  get unreadable(): UnreadableRun[] {
    const found = [...this.#unreadable].map(([directory, reason]) => ({ directory, reason }));
    return found.sort((a, b) => (a.directory < b.directory ? 1 : -1));
  }

  /** Newest first. */
  get runs(): TrackedRun[] {
    return [...this.#entries.values()].map((entry) => entry.run).sort((a, b) => (a.id < b.id ? 1 : -1));
  }

  get activeRun(): TrackedRun | undefined {
    return this.runs.find((run) => run.active);
  }

  find(id: string): TrackedRun | undefined {
    return this.runs.find((run) => run.id === id);
  }

  at(directory: string): TrackedRun | undefined {
    return this.#entries.get(directory)?.run;
  }

  /** Where runs are kept: one for each of the workspace's folders, unless a setting moves them. */
  get folders(): string[] {
    return runsFolders();
  }

  /** Where a run on this data set is kept. */
  folderFor(dataset: vscode.Uri): string | undefined {
    const { runsFolder } = readSettings();
    if (runsFolder !== "") return runsFolder;
    const folder = vscode.workspace.getWorkspaceFolder(dataset) ?? vscode.workspace.workspaceFolders?.[0];
    return folder?.uri.scheme === "file" ? runsFolderOf(folder.uri.fsPath) : undefined;
  }

  /** Takes up a run that was just made, without waiting for the watcher. */
  async adopt(directory: string): Promise<TrackedRun> {
    await this.load();
    await this.rescan();
    const entry = this.#entries.get(directory);
    if (entry === undefined) throw new Error(vscode.l10n.t("The run {0} cannot be read.", directory));
    this.#follow(entry);
    await entry.monitor.refresh();
    return entry.run;
  }

  /** Looks at the run now instead of at the watcher's next event. */
  async refresh(run: TrackedRun): Promise<void> {
    const entry = this.#entries.get(run.directory);
    if (entry === undefined) return;
    this.#follow(entry);
    await entry.monitor.refresh();
  }

  /** A run, or a folder among the runs that cannot be read. */
  async delete(directory: string): Promise<void> {
    await deleteRun(directory);
    await this.rescan();
  }

  /** Calls during a scan cause one more after it. */
  rescan(): Promise<void> {
    if (this.#scanning !== undefined) {
      this.#scanAgain = true;
      return this.#scanning;
    }
    this.#scanning = this.#scan().finally(() => {
      this.#scanning = undefined;
    });
    return this.#scanning;
  }

  async #scan(): Promise<void> {
    do {
      this.#scanAgain = false;
      const found = (await Promise.all(runsFolders().map((folder) => this.#list(folder)))).flat();
      const known = new Set(found);
      let changed = false;
      for (const [directory, entry] of this.#entries) {
        if (known.has(directory)) continue;
        this.#entries.delete(directory);
        void entry.monitor.close();
        changed = true;
      }
      for (const directory of this.#unreadable.keys()) {
        if (!known.has(directory)) changed = this.#unreadable.delete(directory) || changed;
      }
      for (const directory of found) {
        if (!this.#entries.has(directory)) changed = (await this.#open(directory)) || changed;
      }
      if (this.#disposed) return;
      this.#followNewest();
      if (changed && this.loaded) this.#changed.fire();
    } while (this.#scanAgain && !this.#disposed);
  }

  async #list(folder: string): Promise<string[]> {
    try {
      return await listRunDirectories(folder);
    } catch (error) {
      this.log.warn(describeError(error));
      return [];
    }
  }

  async #open(directory: string): Promise<boolean> {
    try {
      const monitor = await RunMonitor.open(directory);
      if (this.#disposed) {
        await monitor.close();
        return false;
      }
      const run = new TrackedRun(monitor);
      this.#unreadable.delete(directory);
      this.#entries.set(directory, { run, monitor, following: false, state: monitor.head().state, name: run.name });
      return true;
    } catch (error) {
      const reason = describeError(error);
      if (this.#unreadable.get(directory) === reason) return false;
      this.log.warn(reason);
      this.#unreadable.set(directory, reason);
      return true;
    }
  }

  #followNewest(): void {
    let ended = 0;
    for (const run of this.runs) {
      const entry = this.#entries.get(run.directory)!;
      const waits = run.head().state === "queued";
      if (run.active || waits || ended++ < FOLLOWED_ENDED_RUNS) this.#follow(entry);
    }
  }

  #follow(entry: Entry): void {
    if (entry.following) return;
    entry.following = true;
    void entry.monitor.follow((update) => {
      const before = entry.state;
      const renamed = entry.name !== update.head.name;
      entry.state = update.head.state;
      entry.name = update.head.name;
      this.#updated.fire({ run: entry.run, update, before, renamed });
    });
  }

  async #watchFolders(): Promise<void> {
    for (const folder of runsFolders()) {
      if (this.#watched.has(folder)) continue;
      this.#watched.set(folder, async () => {});
      const end = await watchRunsFolder(folder, () => void this.rescan());
      if (this.#disposed) await end();
      else this.#watched.set(folder, end);
    }
  }

  #foldersChanged(): void {
    if (this.#loading === undefined) return;
    const wanted = new Set(runsFolders());
    for (const [folder, end] of this.#watched) {
      if (wanted.has(folder)) continue;
      this.#watched.delete(folder);
      void end();
    }
    void this.#watchFolders().then(() => this.rescan());
  }

  dispose(): void {
    this.#disposed = true;
    for (const subscription of this.#subscriptions) subscription.dispose();
    for (const end of this.#watched.values()) void end();
    for (const { monitor } of this.#entries.values()) void monitor.close();
    this.#changed.dispose();
    this.#updated.dispose();
  }
}

function runsFolders(): string[] {
  const { runsFolder } = readSettings();
  if (runsFolder !== "") return [runsFolder];
  const folders = (vscode.workspace.workspaceFolders ?? []).filter((folder) => folder.uri.scheme === "file");
  return folders.map((folder) => runsFolderOf(folder.uri.fsPath));
}
