import { rm } from "node:fs/promises";
import { describeError } from "../disk/describeError";
import type { DataManifest, RunSpec } from "../protocol/run";
import { sendControl } from "../run/control";
import { findEngine } from "../run/engineBinary";
import { readAttempt } from "../run/lastEvents";
import { launchEngine } from "../run/launch";
import { runInTheWay, workFolderOf } from "../run/machineRuns";
import { checkProvenance, noteProvenance } from "../run/provenance";
import { createRun, type NewRun, readRunSpec } from "../run/runDirectory";
import { RunError } from "../run/runError";
import { RunMonitor } from "../run/runMonitor";
import type { RunHead } from "../run/runState";
import { markStartFailed, markStarting, whileStarting } from "../run/startMark";
import { Cancelled, type CommandContext } from "./command";
import { installRoot } from "./installRoot";
import { isPrepared } from "./preparedData";
import { describeProgress } from "./runText";

/** What a run's way from rows to an adapter needs of a command's context. */
export type FlowContext = Pick<CommandContext, "signal" | "progress" | "problem" | "print">;

export async function engineFor(configured: string | undefined): Promise<string> {
  return findEngine({ root: installRoot(), configured: configured ?? null });
}

/** Creates a run and prepares its data. A run whose data cannot be prepared leaves nothing behind. */
export async function createPreparedRun(
  runsFolder: string,
  run: NewRun,
  context: FlowContext,
): Promise<{ directory: string; spec: RunSpec; manifest: DataManifest }> {
  const { directory, spec } = await createRun(runsFolder, run);
  try {
    return { directory, spec, manifest: await prepareMarked(spec, directory, context) };
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

const prepareMarked: typeof prepare = (spec, directory, context) =>
  whileStarting(directory, () => prepare(spec, directory, context));

async function prepare(spec: RunSpec, directory: string, context: FlowContext): Promise<DataManifest> {
  const { prepareRun } = await import("../dataset/prepare");
  const { LISTED_ROWS } = await import("../dataset/readDataset");
  const { pinHeldOutInstructions } = await import("../run/heldOutSamples");
  let listed = 0;
  const writeDown = await noteProvenance(directory, spec, context);
  const { manifest } = await prepareRun(spec, directory, {
    signal: context.signal,
    progress: context.progress,
    problem: (file, row, { check, message }) => {
      if (listed++ < LISTED_ROWS) context.problem({ file, row, check, message });
    },
  });
  await writeDown();
  await pinHeldOutInstructions(directory, context.signal);
  return manifest;
}

/**
 * Prepares what is not yet prepared, then starts the engine on a new, stopped or failed run. Throws what has changed since
 * it was prepared; with `preparedData` other content of the data set's files is let through.
 */
export async function startRun(
  directory: string,
  engine: string,
  context: FlowContext,
  { preparedData = false } = {},
): Promise<void> {
  const spec = await readRunSpec(directory);
  if (await isPrepared(directory)) await requireUnchanged(directory, spec, preparedData, context);
  else {
    const attempt = await readAttempt(directory);
    await markStarting(directory, attempt);
    try {
      await prepareMarked(spec, directory, context);
    } catch (error) {
      await markStartFailed(directory, attempt, describeError(error));
      throw error;
    }
  }
  context.signal.throwIfAborted();
  const other = await runInTheWay(directory, spec);
  if (other !== undefined) {
    const place = `${other.name} in ${workFolderOf(other.id)}`;
    context.print(`${place} computes on the same device: both are slower, and memory may not suffice.`);
  }
  context.progress("Starting the engine", null);
  const { unlisted } = await launchEngine(directory, engine);
  if (unlisted !== null) context.print(`The editor's other windows are not told of the run: ${unlisted}`);
}

async function requireUnchanged(
  directory: string,
  spec: RunSpec,
  preparedData: boolean,
  context: FlowContext,
): Promise<void> {
  const { changes, preparedHolds } = await checkProvenance(directory, spec, context);
  if (changes.length === 0 || (preparedHolds && preparedData)) return;
  const remedy = preparedHolds
    ? "--prepared-data goes on with the rows as they were; tunesmith train"
    : "tunesmith train";
  throw new RunError(
    `The run cannot go on as it was: ${changes.map(({ message }) => message).join(" ")} Undo that; ${remedy} makes a new run.`,
  );
}

/**
 * Reports the run until its engine ends; the signal asks it to stop with a checkpoint. Throws the run's own sentence
 * where it failed, `Cancelled` where the signal stopped it.
 */
export async function followRun(directory: string, context: FlowContext): Promise<RunHead> {
  const monitor = await RunMonitor.open(directory);
  try {
    const head = await untilEnd(monitor, context);
    if (head.state === "failed") throw new RunError(head.cause ?? `The run in ${directory} failed.`);
    if (head.state === "stopped" && context.signal.aborted) {
      context.print(`Stopped at step ${head.step}; tunesmith resume ${directory} goes on from there.`);
      throw new Cancelled();
    }
    return head;
  } finally {
    await monitor.close();
  }
}

async function untilEnd(monitor: RunMonitor, context: FlowContext): Promise<RunHead> {
  return new Promise<RunHead>((resolve, reject) => {
    let warned = 0;
    let ended = false;
    const report = () => {
      // Following goes on until the monitor is closed; nothing may be said after the run's last word.
      if (ended) return;
      const head = monitor.head();
      for (const warning of monitor.history.warnings.slice(warned)) context.print(warning.message);
      warned = monitor.history.warnings.length;
      const share = head.totalSteps > 0 ? head.step / head.totalSteps : null;
      context.progress(head.state === "paused" ? "Paused" : "Training", share, describeProgress(head));
      ended = head.state === "finished" || head.state === "stopped" || head.state === "failed";
      if (ended) resolve(head);
    };
    const stop = () => {
      context.print("Stopping with a checkpoint …");
      // An engine that has ended in the meantime shows as such anyway.
      sendControl(monitor.directory, "stop").catch(() => monitor.refresh());
    };
    if (context.signal.aborted) stop();
    else context.signal.addEventListener("abort", stop, { once: true });
    monitor.follow(report).then(report, reject);
  });
}
