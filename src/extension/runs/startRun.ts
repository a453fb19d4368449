import { rm } from "node:fs/promises";
import * as vscode from "vscode";
import { describeError } from "../../disk/describeError";
import type { DataSummary, PlanForm } from "../../protocol/webview";
import { sendControl } from "../../run/control";
import { findEngine } from "../../run/engineBinary";
import { launchEngine, readAttempt } from "../../run/launch";
import { createRun } from "../../run/runDirectory";
import { markStartFailed, markStarting } from "../../run/startMark";
import type { Services } from "../context";
import { JobCancelled, runJob } from "../jobs/runJob";
import { readSettings } from "../settings";
import { newRun } from "./planForm";
import { isPrepared } from "./runData";
import type { TrackedRun } from "./runRegistry";

export interface StartOptions {
  signal: AbortSignal;
  onProgress(stage: string, fraction: number | null): void;
}

export interface StartRequest {
  dataset: vscode.Uri;
  form: PlanForm;
  choice: DataSummary["choice"];
  trainTokens: number | null;
}

export function engineOf(services: Services): Promise<string> {
  return findEngine({ root: services.extension.extensionPath, configured: readSettings().enginePath });
}

/**
 * Creates a run, prepares its data and launches its engine. Where the data cannot be prepared nothing is left and it
 * throws; an engine that does not start is the run's failure and shown as that.
 */
export async function startRun(services: Services, request: StartRequest, options: StartOptions): Promise<TrackedRun> {
  const { dataset, form, choice, trainTokens } = request;
  const folder = services.runs.folderFor(dataset);
  if (folder === undefined) {
    throw new Error(vscode.l10n.t("Runs are kept in the folder that you work in: open one, then start."));
  }
  const engine = await engineOf(services);
  const { threads } = readSettings();
  const { directory } = await createRun(
    folder,
    newRun(form, { dataset: dataset.fsPath, choice, threads, trainTokens }),
  );
  try {
    await prepare(services, directory, options);
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    await services.runs.rescan();
    throw error;
  }
  const run = await services.runs.adopt(directory);
  await launch(services, run, engine, options);
  return run;
}

/** Lets a stopped or failed run go on from its checkpoint; one whose start was interrupted is prepared first. */
export async function resumeRun(services: Services, run: TrackedRun, options: StartOptions): Promise<void> {
  const engine = await engineOf(services);
  if (!(await isPrepared(run.directory))) {
    const attempt = await readAttempt(run.directory);
    await markStarting(run.directory, attempt);
    try {
      await prepare(services, run.directory, options);
    } catch (error) {
      await markStartFailed(run.directory, attempt, describeError(error));
      await services.runs.refresh(run);
      throw error;
    }
  }
  await launch(services, run, engine, options);
}

async function prepare(services: Services, directory: string, options: StartOptions): Promise<void> {
  await runJob({
    extensionPath: services.extension.extensionPath,
    args: ["prepare", "--run", directory],
    signal: options.signal,
    onProgress: options.onProgress,
  });
}

async function launch(services: Services, run: TrackedRun, engine: string, options: StartOptions): Promise<void> {
  if (options.signal.aborted) throw new JobCancelled();
  options.onProgress(vscode.l10n.t("Starting the engine"), null);
  services.log.info(`${run.id}: starting ${engine}`);
  try {
    await launchEngine(run.directory, engine);
  } catch (error) {
    services.log.error(`${run.id}: ${describeError(error)}`);
  }
  await services.runs.refresh(run);
}

/** Asks the engine to stop with a checkpoint; its end shows in the run's state. */
export async function requestStop(services: Services, run: TrackedRun): Promise<void> {
  services.log.info(`${run.id}: asked to stop`);
  await sendControl(run.directory, "stop");
}
