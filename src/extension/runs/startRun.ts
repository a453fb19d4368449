import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import type { DataSummary, PlanForm } from "../../protocol/webview";
import { sendControl } from "../../run/control";
import { findEngine } from "../../run/engineBinary";
import { readEngineState } from "../../run/engineLock";
import { readAttempt } from "../../run/lastEvents";
import { launchEngine } from "../../run/launch";
import { changeQueue } from "../../run/queue";
import { createRun, type NewRun } from "../../run/runDirectory";
import { clearStartMark, markStartFailed, markStarting, readStartState, whileStarting } from "../../run/startMark";
import type { Services } from "../context";
import { JobCancelled, runJob } from "../jobs/runJob";
import { readSettings } from "../settings";
import { newRun } from "./planForm";
import { type StartOptions, unattended } from "./preparations";
import { isPrepared } from "./runData";
import { refuseWhereItStarts } from "./runQueue";
import type { TrackedRun } from "./runRegistry";

export interface StartRequest {
  dataset: vscode.Uri;
  form: PlanForm;
  choice: DataSummary["choice"];
  sequences: number | null;
}

export function engineOf(services: Services): Promise<string> {
  return findEngine({ root: services.extension.extensionPath, configured: readSettings().enginePath });
}

/** Starts the run that a plan asks for; see createAndStart. */
export async function startRun(services: Services, request: StartRequest, options: StartOptions): Promise<TrackedRun> {
  const { dataset, form, choice, sequences } = request;
  const folder = services.runs.folderFor(dataset);
  if (folder === undefined) {
    throw new Error(vscode.l10n.t("Runs are kept in the folder that you work in: open one, then start."));
  }
  const { threads } = readSettings();
  const run = newRun(form, { dataset: dataset.fsPath, choice, threads, sequences });
  return createAndStart(services, folder, run, options);
}

/**
 * Creates a run, prepares its data and launches its engine, or queues it where another one computes. Where the data
 * cannot be prepared, or `options` ends that, nothing is left and it throws; ended from a view, the run stays as one that
 * has not started. An engine that does not start is the run's failure and shown as that.
 */
export async function createAndStart(
  services: Services,
  folder: string,
  asked: NewRun,
  options: StartOptions,
): Promise<TrackedRun> {
  // What is wrong with the engine is said before minutes are spent on the data.
  await engineOf(services);
  const { directory } = await createRun(folder, asked, { takeUp: true });
  return services.preparations.track(directory, options, async (tracked) => {
    try {
      await prepare(services, directory, tracked);
    } catch (error) {
      if (services.preparations.closing) throw error;
      const isKept = error instanceof JobCancelled && !options.signal.aborted;
      await (isKept ? clearStartMark(directory) : rm(directory, { recursive: true, force: true }));
      await services.runs.rescan();
      throw error;
    }
    const run = await services.runs.adopt(directory);
    await launchInTurn(services, run, tracked);
    return run;
  });
}

/**
 * Lets a stopped or failed run go on from its checkpoint, or queues it where another one computes. One whose start was
 * interrupted is prepared first. Whether the run is still what it was is checked by resumeRun.ts.
 */
export async function goOn(services: Services, run: TrackedRun, options: StartOptions): Promise<void> {
  await services.preparations.track(run.directory, options, async (tracked) => {
    if (!(await isPrepared(run.directory))) await prepareMarked(services, run, tracked);
    await launchInTurn(services, run, tracked);
  });
}

async function prepareMarked(services: Services, run: TrackedRun, options: StartOptions): Promise<void> {
  const attempt = await claim(run);
  try {
    await prepare(services, run.directory, options);
  } catch (error) {
    if (services.preparations.closing) throw error;
    // Given up by the person, it is what it was before.
    if (error instanceof JobCancelled) await clearStartMark(run.directory);
    else await markStartFailed(run.directory, attempt, describeError(error));
    await services.runs.refresh(run);
    throw error;
  }
}

/** Marks the run's start as this window's to make. Throws where another one is at it. */
async function claim(run: TrackedRun): Promise<number> {
  const attempt = await readAttempt(run.directory);
  await changeQueue(dirname(run.directory), async (ids) => {
    await refuseWhereItStarts(run, attempt);
    await markStarting(run.directory, attempt, { takeUp: true });
    return ids;
  });
  return attempt;
}

/** From here on the run waits, computes, or has failed with its cause; what is given up while it is launched stops its engine. */
async function launchInTurn(services: Services, run: TrackedRun, options: StartOptions): Promise<void> {
  let waits: boolean;
  try {
    waits = await services.queue.add(run);
  } catch (error) {
    await markFailedStart(run, describeError(error));
    await services.runs.refresh(run);
    throw error;
  }
  if (options.signal.aborted) {
    if (!services.preparations.closing) await services.queue.remove(run);
    throw new JobCancelled();
  }
  if (!waits) await launch(services, run, options);
}

/** Starts a run that waits, whatever else computes. */
export async function startNow(services: Services, run: TrackedRun, options: StartOptions): Promise<void> {
  await services.queue.take(run);
  await launchPrepared(services, run, options);
}

async function prepare(services: Services, directory: string, options: StartOptions): Promise<void> {
  const args = ["prepare", "--run", directory];
  const { extensionPath } = services.extension;
  await whileStarting(directory, () => runJob({ extensionPath, args, ...options }));
}

/** Launches the engine on a prepared run; what goes wrong is the run's own failure, shown as that. */
export async function launchPrepared(services: Services, run: TrackedRun, options = unattended()): Promise<void> {
  await services.preparations.track(run.directory, options, (tracked) => launch(services, run, tracked));
}

async function launch(services: Services, run: TrackedRun, { signal, onProgress }: StartOptions): Promise<void> {
  onProgress(vscode.l10n.t("Starting the engine"), null);
  try {
    const engine = await engineOf(services);
    services.log.info(`${run.id}: starting ${engine}`);
    const { unlisted } = await launchEngine(run.directory, engine, { takeUp: true });
    if (unlisted !== null) services.log.warn(`${run.id}: other folders are not told of it: ${unlisted}`);
  } catch (error) {
    services.log.error(`${run.id}: ${describeError(error)}`);
    await markFailedStart(run, describeError(error));
  }
  // It could not be asked before; where it has ended, there is nothing to ask.
  if (signal.aborted && !services.preparations.closing) await sendControl(run.directory, "stop").catch(() => {});
  await services.runs.refresh(run);
}

/** A launch that was refused before it began may have left the run marked as being started. */
async function markFailedStart(run: TrackedRun, cause: string): Promise<void> {
  const { directory } = run;
  const attempt = await readAttempt(directory);
  const start = await readStartState(directory, attempt);
  if ((await readEngineState(directory)).alive) {
    // What goes on is not undone, but a mark of this window would outlive it.
    if (start.kind === "under-way" && start.here) await clearStartMark(directory).catch(() => {});
    return;
  }
  // Another window's start is not this one's to fail.
  if (start.kind === "under-way" && !start.here) return;
  await markStartFailed(directory, attempt, cause).catch(() => {});
}

/**
 * Asks the engine to stop with a checkpoint, or gives up the run's preparation; either shows in the run's state. Throws one
 * sentence where neither goes on, or another window prepares the run.
 */
export async function requestStop(services: Services, run: TrackedRun): Promise<void> {
  services.log.info(`${run.id}: asked to stop`);
  const givenUp = services.preparations.stop(run.directory);
  const engine = await readEngineState(run.directory);
  if (givenUp && !engine.alive) return;
  if (!engine.alive && run.startsElsewhere) {
    throw new Error(vscode.l10n.t("Another window or program prepares {0}; stop it there.", run.name));
  }
  await sendControl(run.directory, "stop");
  if (engine.alive) services.unansweredStops.expect(run, engine.lock.attempt);
}
