import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { FSWatcher } from "chokidar";
import type { RunSpec } from "../protocol/run";
import type { RunSnapshot } from "../protocol/webview";
import { type EngineState, readEngineState, silenceOf } from "./engineLock";
import type { Detail } from "./eventFollower";
import { readRunSpec, runPaths } from "./runDirectory";
import { RunEvents } from "./runEvents";
import type { RunHistory } from "./runHistory";
import { noNotes, type RunNotes, readRunNotes } from "./runNotes";
import { headOf, judge, type RunHead, type Verdict } from "./runState";
import { readStartState, type StartState } from "./startMark";

/** Notices an engine that ended without a word, and what a file watcher misses (network folders). */
const POLL_MS = 2000;
/** However fast events come, what they change is read about so often. */
const SETTLED_MS = 40;
/** The copy of a run that is brought in from elsewhere is complete by then. */
const COPYING_MS = 600_000;

export interface RunUpdate {
  head: RunHead;
  /** The curves have changed otherwise than by growing: a later attempt voided points. */
  redraw: boolean;
}

/** Reads one run directory, once or continuously. Nothing it meets in there makes it throw after `open`. */
export class RunMonitor {
  readonly directory: string;
  readonly spec: RunSpec;
  #events: RunEvents;
  #detail: Detail;
  #verdict: Verdict = { state: "queued", cause: null };
  #notes: RunNotes = noNotes;
  #engine: EngineState = { alive: false, lock: undefined };
  #start: StartState = { kind: "none" };
  readonly #listeners = new Set<(update: RunUpdate) => void>();
  #told = { events: 0, revision: 0, words: "" };
  /** How often the events were read anew because more or less of them was wanted. */
  #readings = 0;
  #reading: Promise<void> | undefined;
  /** The read after that, which has not begun. */
  #next: Promise<void> | undefined;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(directory: string, spec: RunSpec, detail: Detail) {
    this.directory = directory;
    this.spec = spec;
    this.#detail = detail;
    this.#events = new RunEvents(runPaths(directory).events, detail);
  }

  /** Reads the run as it is now. Throws one sentence where it is not a run directory. */
  static async open(directory: string, detail: Detail = "whole"): Promise<RunMonitor> {
    const monitor = new RunMonitor(directory, await readRunSpec(directory), detail);
    await monitor.refresh();
    monitor.#noteTold();
    return monitor;
  }

  /** `listener` hears of every change that is read from now on. */
  listen(listener: (update: RunUpdate) => void): void {
    this.#listeners.add(listener);
  }

  /** Keeps reading until `close`; `listener` hears of every change from now on. */
  async follow(listener: (update: RunUpdate) => void): Promise<void> {
    this.listen(listener);
    await this.watch();
  }

  /** Keeps reading until `rest` or `close`. */
  async watch(): Promise<void> {
    if (this.#timer !== undefined || this.#closed) return;
    const timer = setInterval(() => void this.refresh(), POLL_MS);
    this.#timer = timer;
    const { watch } = await import("chokidar");
    if (this.#timer !== timer) return;
    this.#watcher = watch(this.directory, { depth: 0, ignoreInitial: true });
    this.#watcher.on("all", () => this.#changed());
    // Without a watcher (no inotify handles left) the timer alone does it.
    this.#watcher.on("error", () => {});
    await this.refresh();
  }

  /** Reads only when asked to, until `watch`. */
  async rest(): Promise<void> {
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    this.#timer = undefined;
    this.#soon = undefined;
    const watcher = this.#watcher;
    this.#watcher = undefined;
    await watcher?.close();
  }

  /** Reads at once, and once more soon after: the watcher leaves out a change that closely follows another. */
  #changed(): void {
    if (this.#soon !== undefined || this.#watcher === undefined) return;
    this.#soon = setTimeout(() => {
      this.#soon = undefined;
      void this.refresh();
    }, SETTLED_MS);
    void this.refresh();
  }

  unfollow(listener: (update: RunUpdate) => void): void {
    this.#listeners.delete(listener);
  }

  /**
   * How much of the events is wanted from now on; resolves when it is there. Until then what was read before stays, and
   * goes on to be true.
   */
  async want(detail: Detail): Promise<void> {
    if (detail === this.#detail && detail === this.#events.detail) return;
    this.#detail = detail;
    await this.refresh();
  }

  snapshot(): RunSnapshot {
    return { ...this.head(), curve: this.#history.curve };
  }

  head(): RunHead {
    return headOf({ id: this.directory, name: this.name }, this.#history, this.#verdict, silenceOf(this.#engine));
  }

  get #history(): RunHistory {
    return this.#events.history;
  }

  /** How much of the events `history` holds. */
  get detail(): Detail {
    return this.#events.detail;
  }

  get history(): Readonly<RunHistory> {
    return this.#history;
  }

  /** Lines of events.jsonl that are no events. */
  get skippedLines(): number {
    return this.#events.skippedLines;
  }

  /** Of an events.jsonl that is too long to be read whole. */
  get leftOutBytes(): number {
    return this.#events.leftOutBytes;
  }

  /** The name that a person gave it, else the one in run.json. */
  get name(): string {
    return this.#notes.name ?? this.spec.name;
  }

  /** As of the last read. */
  get notes(): Readonly<RunNotes> {
    return this.#notes;
  }

  /** As of the last read. */
  get engine(): EngineState {
    return this.#engine;
  }

  /** As of the last read. */
  get start(): StartState {
    return this.#start;
  }

  /**
   * Reads what is new; resolves when a read that began after the call has ended. Calls during a read share the next one:
   * under a run that never rests each of them still comes to its end.
   */
  refresh(): Promise<void> {
    this.#next ??= this.#readNext();
    return this.#next;
  }

  async #readNext(): Promise<void> {
    await this.#reading?.catch(() => {});
    this.#next = undefined;
    if (this.#closed) return;
    this.#reading = this.#readOnce();
    await this.#reading;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    await this.rest();
    await this.#next;
    await this.#reading;
  }

  async #readOnce(): Promise<void> {
    // A run that is deleted loses its files one after the other: what was read of it stays.
    if (!(await stat(runPaths(this.directory).spec).catch(() => undefined))) return;
    // The engine first, then its events: see judge().
    this.#engine = await readEngineState(this.directory);
    this.#notes = await readRunNotes(this.directory);
    await this.#readEvents();
    this.#start = await readStartState(this.directory, this.#history.attempt);
    this.#verdict = judge(this.#history, this.#engine, this.#start);
    this.#tell();
  }

  async #readEvents(): Promise<void> {
    if (this.#events.detail === this.#detail) {
      await this.#events.read();
      return;
    }
    const events = new RunEvents(runPaths(this.directory).events, this.#detail);
    await events.read();
    events.restarts = this.#events.restarts;
    this.#events = events;
    this.#readings++;
  }

  #tell(): void {
    if (this.#listeners.size === 0) return;
    const before = this.#told;
    this.#noteTold();
    const { events, revision, words } = this.#told;
    const redraw = revision !== before.revision;
    if (!redraw && events === before.events && words === before.words) return;
    const head = this.head();
    for (const listener of [...this.#listeners]) listener({ head, redraw });
  }

  #noteTold(): void {
    this.#told = {
      events: this.#history.version,
      revision: this.#history.revision + (this.#events.restarts + this.#readings) * 2 ** 32,
      // What is told of a run besides its events.
      words: JSON.stringify([this.#verdict, this.#start, this.head().silentSeconds, this.#notes]),
    };
  }
}

/** The run as it is now, for lists. Throws one sentence where it is not a run directory. */
export async function readHead(directory: string): Promise<RunHead> {
  const monitor = await RunMonitor.open(directory, "brief");
  return monitor.head();
}

/** With its losses. Throws one sentence where it is not a run directory. */
export async function readSnapshot(directory: string): Promise<RunSnapshot> {
  const monitor = await RunMonitor.open(directory);
  return monitor.snapshot();
}

/**
 * Waits for the run.json of a folder that has none yet, as one that is being copied. True where it came; false where it was
 * there already or does not come.
 */
async function specOf(directory: string, ended: () => boolean): Promise<boolean> {
  const { spec } = runPaths(directory);
  if (existsSync(spec)) return false;
  for (let waited = 0; waited < COPYING_MS && !ended() && existsSync(directory); waited += POLL_MS) {
    await delay(POLL_MS);
    if (existsSync(spec)) return true;
  }
  return false;
}

/**
 * Calls `listener` when a run appears in or vanishes from `runsFolder`, which need not exist yet: chokidar does not wait
 * for a folder that is absent, so until then a timer looks. Every change after this resolves is heard of. Returns what
 * ends it.
 */
export async function watchRunsFolder(runsFolder: string, listener: () => void): Promise<() => Promise<void>> {
  let watcher: FSWatcher | undefined;
  let ended = false;
  const begin = async () => {
    const { watch } = await import("chokidar");
    if (ended || watcher !== undefined) return;
    const ignored = (path: string) => basename(path).startsWith(".new-");
    watcher = watch(runsFolder, { depth: 0, ignoreInitial: true, ignored });
    watcher.on("addDir", (path) => {
      listener();
      void specOf(path, () => ended).then((late) => late && listener());
    });
    watcher.on("unlinkDir", listener);
    watcher.on("error", () => {});
    const ready = watcher;
    await new Promise<void>((resolve) => ready.once("ready", resolve));
  };
  const timer = setInterval(() => {
    if (!existsSync(runsFolder)) return;
    clearInterval(timer);
    void begin().then(listener);
  }, POLL_MS);
  if (existsSync(runsFolder)) {
    clearInterval(timer);
    await begin();
  }
  return async () => {
    ended = true;
    clearInterval(timer);
    await watcher?.close();
  };
}
