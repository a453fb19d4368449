import { existsSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import type { RunSpec } from "../../protocol/run";
import { readAttempt } from "../../run/lastEvents";
import { refuseWhereItGoes } from "../../run/launch";
import { listRunLocked, type MachineRun, MachineRuns, withMachineLock, workFolderOf } from "../../run/machineRuns";
import { type Claimant, changeQueue, claimOf, inTheWay, moveInQueue, readQueue, readyToStart } from "../../run/queue";
import { clearStartMark, markQueued, markStarting, readStartState } from "../../run/startMark";
import type { RunRegistry, TrackedRun } from "./runRegistry";

/** Another window may have changed the queue; a small file is read anew. */
const LOOK_AGAIN_MS = 2000;

export interface QueuePlace {
  /** 1: the next one. */
  place: number;
  of: number;
  /** The run that has to end first; null: it starts in a moment. `folder`: where that is not one of this window's. */
  waitsFor: { name: string; folder: string | null } | null;
}

/**
 * Runs that wait until the device is free, over all windows on the folder: the order is on disk, whichever window sees
 * that one may start launches it, and a failed run holds up nobody. Runs of other folders hold the device like any other.
 */
export class RunQueue implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  /** A run has come, gone or moved. */
  readonly onDidChange = this.#changed.event;
  /** By the folder of the runs. */
  readonly #ids = new Map<string, readonly string[]>();
  readonly #machine = new MachineRuns();
  /** What computes in folders that this window does not show, as of the last look. */
  #elsewhere: readonly MachineRun[] = [];
  readonly #subscriptions: vscode.Disposable[];
  readonly #timer: NodeJS.Timeout;
  #watchers = 0;
  #pumping: Promise<void> | undefined;
  #looking: Promise<void> | undefined;
  /** What could not be done, and is tried again. */
  #problem: string | undefined;
  #again = false;
  #disposed = false;

  constructor(
    private readonly runs: RunRegistry,
    private readonly log: vscode.LogOutputChannel,
    /** Starts the engine; what goes wrong is the run's own failure. */
    private readonly launch: (run: TrackedRun) => Promise<void>,
  ) {
    this.#subscriptions = [
      runs.onDidChange(() => this.#pump()),
      runs.onDidUpdate(({ update, before }) => {
        if (update.head.state !== before) this.#pump();
      }),
    ];
    this.#timer = setInterval(() => this.#lookAgain(), LOOK_AGAIN_MS);
  }

  /** Undefined where the run does not wait. */
  placeOf(run: TrackedRun): QueuePlace | undefined {
    const waiting = this.#waitingIn(dirname(run.directory));
    const index = waiting.indexOf(run);
    if (index === -1) return undefined;
    const ahead = waiting.slice(0, index).map(claimantOf);
    const blocker = inTheWay(claimantOf(run), [...this.#computing(), ...ahead]);
    return { place: index + 1, of: waiting.length, waitsFor: blocker === undefined ? null : this.#described(blocker) };
  }

  #described({ id }: Claimant): NonNullable<QueuePlace["waitsFor"]> {
    const own = this.runs.at(id);
    if (own !== undefined) return { name: own.name, folder: null };
    const other = this.#elsewhere.find((run) => run.id === id);
    return { name: other?.name ?? id, folder: workFolderOf(id) };
  }

  /** The runs that a new one in this folder would have to wait for on the device, in the order of their turns. */
  ahead(folder: string, device: RunSpec["device"]): TrackedRun[] {
    const claimant = { id: "", claim: claimOf({ device }, null) };
    return [...this.#active(), ...this.#waitingIn(folder)].filter(
      (run) => inTheWay(claimant, [claimantOf(run)]) !== undefined,
    );
  }

  /** The run, of whatever folder, that a new one in this folder would wait for; null: it would start at once. */
  waitsFor(folder: string, device: RunSpec["device"]): QueuePlace["waitsFor"] {
    const others = [...this.#computing(), ...this.#waitingIn(folder).map(claimantOf)];
    const blocker = inTheWay({ id: "", claim: claimOf({ device }, null) }, others);
    return blocker === undefined ? null : this.#described(blocker);
  }

  /** Keeps an eye on the runs of other folders, as is done anyway while a run waits, until what it returns is disposed of. */
  watchMachine(): vscode.Disposable {
    this.#watchers++;
    this.runs.load().then(
      () => this.#lookAgain(),
      (error: unknown) => this.log.warn(describeError(error)),
    );
    return { dispose: () => this.#watchers-- };
  }

  /** True where the run has to wait and is now in the queue; false where it may start at once. */
  async add(run: TrackedRun): Promise<boolean> {
    const folder = dirname(run.directory);
    let waits = false;
    const ids = await changeQueue(folder, async (before) => {
      await this.#refresh(folder, before);
      const waiting = before.flatMap((id) => this.#queuedRun(folder, id) ?? []);
      const attempt = await readAttempt(run.directory);
      await refuseWhereItStarts(run, attempt);
      await this.#alone(async (alone) => {
        waits = inTheWay(claimantOf(run), [...this.#computing(), ...waiting.map(claimantOf)]) !== undefined;
        if (waits) await markQueued(run.directory, attempt);
        else await this.#claim(run, attempt, alone);
      });
      const others = before.filter((id) => id !== run.id);
      return waits ? [...others, run.id] : others;
    });
    this.#ids.set(folder, ids);
    await this.runs.refresh(run);
    this.#changed.fire();
    if (waits) {
      this.log.info(`${run.id}: queued`);
      this.#pump();
    }
    return waits;
  }

  /** Takes the run out, so that it can be started whatever else goes on. */
  async take(run: TrackedRun): Promise<void> {
    await this.#change(dirname(run.directory), (ids) => ids.filter((id) => id !== run.id));
  }

  /** The run no longer waits: it is what it was before it was started. */
  async remove(run: TrackedRun): Promise<void> {
    await this.#change(dirname(run.directory), async (ids) => {
      await clearStartMark(run.directory);
      return ids.filter((id) => id !== run.id);
    });
    await this.runs.refresh(run);
  }

  /** Negative: to the front. */
  async move(run: TrackedRun, by: number): Promise<void> {
    await this.#change(dirname(run.directory), (ids) => moveInQueue(ids, run.id, by));
  }

  async #change(folder: string, change: Parameters<typeof changeQueue>[1]): Promise<void> {
    this.#ids.set(folder, await changeQueue(folder, change));
    this.#changed.fire();
    this.#pump();
  }

  #waitingIn(folder: string): TrackedRun[] {
    return (this.#ids.get(folder) ?? []).flatMap((id) => this.#queuedRun(folder, id) ?? []);
  }

  #queuedRun(folder: string, id: string): TrackedRun | undefined {
    const run = this.runs.at(join(folder, id));
    return run?.head().state === "queued" ? run : undefined;
  }

  /** Started, finished or deleted in the meantime. One that this window has not seen yet may still wait. */
  #isKnownNotToWait(folder: string, id: string): boolean {
    const directory = join(folder, id);
    return this.runs.at(directory) === undefined ? !existsSync(directory) : this.#queuedRun(folder, id) === undefined;
  }

  #active(): TrackedRun[] {
    return this.runs.runs.filter((run) => run.active);
  }

  #computing(): Claimant[] {
    return [...this.#active().map(claimantOf), ...this.#elsewhere];
  }

  /** Decides what starts while no other window on this machine does, where that can be had, knowing what they started. */
  async #alone(decide: (alone: boolean) => Promise<void>): Promise<void> {
    let begun = false;
    const work = async () => {
      begun = true;
      await this.#lookElsewhere();
      await decide(true);
    };
    try {
      await withMachineLock(work);
    } catch (error) {
      if (begun) throw error;
      this.log.warn(`Queue: what other folders start is not waited for: ${describeError(error)}`);
      await decide(false);
    }
  }

  /** From here on the run is this window's to start: to all others it is being prepared. */
  async #claim(run: TrackedRun, attempt: number, alone: boolean): Promise<void> {
    await markStarting(run.directory, attempt, { takeUp: true });
    if (!alone) return;
    await listRunLocked(run.directory).catch((error: unknown) =>
      this.log.warn(`${run.id}: other folders are not told of it: ${describeError(error)}`),
    );
  }

  /** True where something has changed there. */
  async #lookElsewhere(): Promise<boolean> {
    const own = await Promise.all(this.runs.folders.map((folder) => realpath(folder).catch(() => folder)));
    const before = JSON.stringify(this.#elsewhere);
    this.#elsewhere = await this.#machine.read((directory) => own.includes(dirname(directory)));
    return JSON.stringify(this.#elsewhere) !== before;
  }

  /** Looks at every run that may wait or compute as it is on disk: another window may have moved it on a moment ago. */
  async #refresh(folder: string, ids: readonly string[]): Promise<void> {
    const waiting = ids.flatMap((id) => this.runs.at(join(folder, id)) ?? []);
    const others = this.runs.runs.filter((run) => run.head().state !== "finished");
    await Promise.all([...new Set([...waiting, ...others])].map((run) => this.runs.refresh(run)));
  }

  /** One look at a time. */
  #lookAgain(): void {
    if (!this.runs.loaded || this.#disposed) return;
    this.#looking ??= this.#look()
      .catch((error: unknown) => this.#warn(error))
      .finally(() => {
        this.#looking = undefined;
      });
  }

  async #look(): Promise<void> {
    const waits = this.runs.folders.some((folder) => this.#waitingIn(folder).length > 0);
    let differs = (waits || this.#watchers > 0) && (await this.#lookElsewhere());
    for (const folder of this.runs.folders) {
      const ids = await readQueue(folder);
      const before = this.#ids.get(folder) ?? [];
      if (JSON.stringify(ids) === JSON.stringify(before)) continue;
      differs = true;
      this.#ids.set(folder, ids);
      // Those that have left are being started elsewhere, those that have come were made elsewhere.
      await this.#refresh(folder, [...before, ...ids]);
    }
    if (differs) this.#changed.fire();
    if (differs || this.#problem !== undefined) this.#pump();
  }

  /** Once, however often it is tried again. */
  #warn(error: unknown): void {
    const problem = `Queue: ${describeError(error)}`;
    if (problem !== this.#problem) this.log.warn(problem);
    this.#problem = problem;
  }

  /** Calls while it is at work cause one more look after it. */
  #pump(): void {
    if (!this.runs.loaded || this.#disposed) return;
    this.#again = true;
    this.#pumping ??= this.#startReady().finally(() => {
      this.#pumping = undefined;
    });
  }

  async #startReady(): Promise<void> {
    while (this.#again && !this.#disposed) {
      this.#again = false;
      let failed = false;
      for (const folder of this.runs.folders) {
        try {
          const known = this.#ids.get(folder) ?? [];
          if (known.length > 0 || (await readQueue(folder)).length > 0) await this.#startReadyIn(folder);
        } catch (error) {
          // One folder's trouble is not the others'; it is tried again with the next look.
          this.#warn(error);
          failed = true;
        }
      }
      if (!failed) this.#problem = undefined;
    }
  }

  async #startReadyIn(folder: string): Promise<void> {
    const ready: TrackedRun[] = [];
    const ids = await changeQueue(folder, async (before) => {
      await this.#refresh(folder, before);
      const waiting = before.flatMap((id) => this.#queuedRun(folder, id) ?? []);
      await this.#alone(async (alone) => {
        const start = readyToStart(waiting.map(claimantOf), this.#computing());
        ready.push(...waiting.filter((run) => start.includes(run.directory)));
        for (const run of ready) await this.#claim(run, await readAttempt(run.directory), alone);
      });
      const ended = (id: string) => this.#isKnownNotToWait(folder, id);
      return before.filter((id) => !ended(id) && ready.every((run) => run.id !== id));
    });
    this.#ids.set(folder, ids);
    await this.#refresh(
      folder,
      ready.map(({ id }) => id),
    );
    this.#changed.fire();
    for (const run of ready) {
      this.log.info(`${run.id}: its turn has come`);
      this.launch(run).catch((error: unknown) => this.log.warn(`${run.id}: ${describeError(error)}`));
    }
  }

  dispose(): void {
    this.#disposed = true;
    clearInterval(this.#timer);
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#changed.dispose();
  }
}

/** Throws where the run goes on already, or is another window's to start. */
export async function refuseWhereItStarts({ directory, name }: TrackedRun, attempt: number): Promise<void> {
  await refuseWhereItGoes(directory);
  const start = await readStartState(directory, attempt);
  if (start.kind === "under-way" && !start.here) {
    throw new Error(vscode.l10n.t("Another window or program prepares {0}; stop it there.", name));
  }
}

/** Ids are unique in a folder alone. */
function claimantOf(run: TrackedRun): Claimant {
  const { state, device } = run.head();
  return { id: run.directory, claim: claimOf(run.spec, state === "queued" || state === "preparing" ? null : device) };
}
