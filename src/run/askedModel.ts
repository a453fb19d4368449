import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { RunSpec } from "../protocol/run";
import { readEngineState } from "./engineLock";
import { gpuHolder, gpuTakenBy } from "./machineRuns";
import { checkpointFolder } from "./prompts";
import { runPaths } from "./runDirectory";
import { RunError } from "./runError";
import { RunMonitor } from "./runMonitor";

/** Which model of a run answers, and where. */
export interface AskedModel {
  spec: RunSpec;
  /** Null: there is no adapter yet. */
  adapterDir: string | null;
  /** The adapter's; null without one. */
  step: number | null;
  device: "cpu" | "cuda";
  /** Why it is not what one would expect: one sentence, or empty. */
  note: string;
}

/**
 * The final adapter of a run that has ended, else its newest checkpoint; with `step` that checkpoint. While this run or
 * another one computes on the GPU, the answers are left to the processor.
 */
export async function askedModel(directory: string, step?: number): Promise<AskedModel> {
  const monitor = await RunMonitor.open(directory);
  const { spec, history } = monitor;
  const { alive } = await readEngineState(directory);
  const onGpu = history.start?.device.startsWith("cuda") ?? false;
  const taken = onGpu ? await gpuTaken(directory, alive) : null;
  const device = onGpu && taken === null ? "cuda" : "cpu";
  const notes = taken === null ? [] : [taken];
  if (step !== undefined) {
    const adapterDir = checkpointFolder(directory, step);
    if (!(await hasAdapter(adapterDir))) {
      throw new RunError(
        `The run keeps no checkpoint of step ${step}; choose one of the steps in ${runPaths(directory).checkpoints}.`,
      );
    }
    return { spec, adapterDir, step, device, note: notes.join(" ") };
  }
  const { end, checkpoint } = history;
  const { adapter } = runPaths(directory);
  if (!alive && end?.type === "done" && (await hasAdapter(adapter))) {
    return { spec, adapterDir: adapter, step: end.adapterStep ?? end.step, device, note: notes.join(" ") };
  }
  const newest = checkpoint === undefined ? null : checkpointFolder(directory, checkpoint.step);
  if (newest !== null && (await hasAdapter(newest))) {
    return { spec, adapterDir: newest, step: checkpoint!.step, device, note: notes.join(" ") };
  }
  notes.push("The run has no checkpoint yet: only the base model answers.");
  return { spec, adapterDir: null, step: null, device, note: notes.join(" ") };
}

/** Why the GPU cannot be had: one sentence; null: it can. */
async function gpuTaken(directory: string, alive: boolean): Promise<string | null> {
  if (alive) return "The GPU is taken by the run: the processor answers, more slowly.";
  const holder = await gpuHolder(directory);
  return holder === undefined ? null : gpuTakenBy(holder, directory);
}

function hasAdapter(folder: string): Promise<boolean> {
  return stat(join(folder, "adapter_model.safetensors")).then(
    (status) => status.isFile(),
    () => false,
  );
}
