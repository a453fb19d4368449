import { existsSync } from "node:fs";
import { basename } from "node:path";
import * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import type { RunSpec } from "../../protocol/run";
import type { RunState } from "../../protocol/webview";
import { removeLeftovers } from "../../run/leftovers";
import { openRuns } from "../../run/openRuns";
import { deleteRun, listRunDirectories, runPaths, runsFolderOf } from "../../run/runDirectory";
import type { RunHistory } from "../../run/runHistory";
import { RunMonitor, type RunUpdate, watchRunsFolder } from "../../run/runMonitor";
import type { RunNotes } from "../../run/runNotes";
import { canResume, type RunHead } from "../../run/runState";
import { readSettings } from "../settings";

/** Ended runs that are watched too: another window or the CLI may let them go on. */
const FOLLOWED_ENDED_RUNS = 20;
/** Ended runs that nobody looks at any more and whose series are kept: going back to one is common. Some 10 MB each. */
const KEPT_ENDED_RUNS = 3;
/** While many runs are read for the first time, whoever shows them hears of it so often. */
const TELL_EVERY_MS = 250;

/** What of a run's events is known of every run: all but what was measured at each step. */
export type RunFacts = Omit<Readonly<RunHistory>, "series" | "curve" | "work">;

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

  get history(): RunFacts {
    return this.monitor.history;
  }

  /** With every step. Of a run that is active or looked at (see RunRegistry.view), once that is read; else undefined. */
  get whole(): Readonly<RunHistory> | undefined {
    return this.monitor.detail === "whole" ? this.monitor.history : undefined;
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

  /** The window that prepared it has gone. */
  get interrupted(): boolean {
    return this.monitor.start.kind === "interrupted" && this.head().state === "queued";
  }

  /** Another window or program prepares it; no engine is at work yet. */
  get startsElsewhere(): boolean {
    const { start, engine } = this.monitor;
    return start.kind === "under-way" && !start.here && !engine.alive;
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
  /** Panels and comparisons that show it. */
  viewers: number;
  state: RunState;
  name: string;
}

/**
 * The runs of the workspace's folders: found, watched and kept up to date from the first `load` on. Of each the facts are
 * kept, the steps only of those that are active or looked at and of a few that were.
 */
export class RunRegistry implements vscode.Disposable {
  readonly #entries = new Map<string, Entry>();
  readonly #unreadable = new Map<string, string>();
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #updated = new vscode.EventEmitter<RunChange>();
  /** A run has come or gone. */
  readonly onDidChange = this.#changed.event;
  /** A run has moved on. */
  readonly onDidUpdate = this.#updated.event;
  /** Ended runs that were active or looked at, the last one last. */
  readonly #kept = new Set<Entry>();
  readonly #watched = new Map<string, () => Promise<void>>();
  readonly #subscriptions: vscode.Disposable[];
  #loading: Promise<void> | undefined;
  #scanning: Promise<void> | undefined;
  #scanAgain = false;
  #toldAt = 0;
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

  /** Finds the runs and keeps following them, those at work and the newest first; resolves with the first full list. */
  load(): Promise<void> {
    this.#loading ??= this.#watchFolders()
      .then(() => this.rescan())
      .then(() => {
        this.loaded = true;
        this.#tellChange();
        void this.#tidyUp();
      });
    return this.#loading;
  }

  /** What is looked for, as soon as it is among the runs; undefined where it is not among all of them. */
  async first<T>(find: () => T | undefined): Promise<T | undefined> {
    const loading = this.load();
    let listener: vscode.Disposable | undefined;
    const found = new Promise<T>((resolve) => {
      const look = () => {
        const value = find();
        if (value !== undefined) resolve(value);
      };
      listener = this.onDidChange(look);
      look();
    });
    try {
      return await Promise.race([found, loading.then(find)]);
    } finally {
      listener?.dispose();
    }
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

  /** By its directory; by the name of its folder, as older versions kept it, where no other run's folder has that name. */
  find(id: string): TrackedRun | undefined {
    const named = this.runs.filter((run) => run.id === id);
    return this.at(id) ?? (named.length === 1 ? named[0] : undefined);
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
    await entry.monitor.refresh();
    return entry.run;
  }

  /** Looks at the run now instead of at the watcher's next event. */
  async refresh(run: TrackedRun): Promise<void> {
    await this.#entries.get(run.directory)?.monitor.refresh();
  }

  /** Somebody looks at the run: until that ends it is followed, and its steps are kept. */
  view(run: TrackedRun): vscode.Disposable {
    const entry = this.#entries.get(run.directory);
    if (entry === undefined) return { dispose: () => {} };
    entry.viewers++;
    this.#kept.delete(entry);
    this.#attend(entry);
    let viewed = true;
    return {
      dispose: () => {
        if (!viewed) return;
        viewed = false;
        entry.viewers--;
        this.#keep(entry);
        this.#attendAll();
      },
    };
  }

  /** The run with all its steps, which may have to be read; undefined where it is gone. */
  async whole(run: TrackedRun): Promise<Readonly<RunHistory> | undefined> {
    const viewing = this.view(run);
    try {
      await this.#entries.get(run.directory)?.monitor.want("whole");
      return run.whole;
    } finally {
      viewing.dispose();
    }
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
      let untold = false;
      for (const [directory, entry] of this.#entries) {
        if (known.has(directory)) continue;
        this.#entries.delete(directory);
        this.#kept.delete(entry);
        void entry.monitor.close();
        untold = true;
      }
      for (const directory of this.#unreadable.keys()) {
        if (!known.has(directory)) untold = this.#unreadable.delete(directory) || untold;
      }
      const fresh = found.filter((directory) => !this.#entries.has(directory));
      await openRuns(fresh, async (directory) => {
        untold = (await this.#open(directory)) || untold;
        if (!untold || performance.now() - this.#toldAt < TELL_EVERY_MS) return;
        untold = false;
        this.#tellChange();
      });
      if (this.#disposed) return;
      this.#attendAll();
      if (untold) this.#tellChange();
    } while (this.#scanAgain && !this.#disposed);
  }

  #tellChange(): void {
    this.#toldAt = performance.now();
    this.#changed.fire();
  }

  /** What a kill in the middle of making or deleting a run has left behind may be gigabytes that nobody sees. */
  async #tidyUp(): Promise<void> {
    for (const folder of runsFolders()) {
      try {
        for (const name of await removeLeftovers(folder)) this.log.info(`Removed ${name}, left over in ${folder}`);
      } catch (error) {
        this.log.warn(describeError(error));
      }
    }
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
    if (this.#disposed) return false;
    try {
      const monitor = await RunMonitor.open(directory, "brief");
      if (this.#disposed) {
        await monitor.close();
        return false;
      }
      const run = new TrackedRun(monitor);
      const entry: Entry = { run, monitor, viewers: 0, state: monitor.head().state, name: run.name };
      this.#unreadable.delete(directory);
      this.#entries.set(directory, entry);
      monitor.listen((update) => this.#onUpdate(entry, update));
      if (run.active) this.#attend(entry);
      return true;
    } catch (error) {
      const reason = describeError(error);
      if (this.#unreadable.get(directory) === reason) return false;
      this.log.warn(reason);
      this.#unreadable.set(directory, reason);
      return true;
    }
  }

  #onUpdate(entry: Entry, update: RunUpdate): void {
    const before = entry.state;
    const renamed = entry.name !== update.head.name;
    entry.state = update.head.state;
    entry.name = update.head.name;
    if (before !== entry.state) {
      this.#keep(entry);
      this.#attendAll();
    }
    this.#updated.fire({ run: entry.run, update, before, renamed });
  }

  /** Where nothing asks for its steps any more they stay for a while. */
  #keep(entry: Entry): void {
    this.#kept.delete(entry);
    const gone = this.#entries.get(entry.run.directory) !== entry;
    if (gone || entry.viewers > 0 || isActive(entry.state) || entry.monitor.detail === "brief") return;
    this.#kept.add(entry);
    const [oldest] = this.#kept;
    if (this.#kept.size > KEPT_ENDED_RUNS) this.#kept.delete(oldest!);
  }

  /** Watches what moves, what is looked at and the newest of what has ended, and forgets the steps of all the rest. */
  #attendAll(): void {
    if (this.#disposed) return;
    let ended = 0;
    for (const run of this.runs) {
      const entry = this.#entries.get(run.directory)!;
      const waits = entry.state === "queued";
      const moves = isActive(entry.state) || waits;
      this.#attend(entry, moves || entry.viewers > 0 || ended++ < FOLLOWED_ENDED_RUNS);
    }
  }

  #attend(entry: Entry, followed = true): void {
    void (followed ? entry.monitor.watch() : entry.monitor.rest());
    const shown = isActive(entry.state) || entry.viewers > 0 || this.#kept.has(entry);
    void entry.monitor.want(shown ? "whole" : "brief");
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
