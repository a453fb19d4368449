import { dirname } from "node:path";
import * as vscode from "vscode";
import type { RunSpec } from "../../protocol/run";
import { newestCheckpoint } from "../../run/provenance";
import { type NewRun, readRunSpec, runPaths } from "../../run/runDirectory";
import type { Services } from "../context";
import { count } from "../figures";
import { NAME_LENGTH } from "./planForm";
import type { StartOptions } from "./preparations";
import type { TrackedRun } from "./runRegistry";
import { createAndStart } from "./startRun";

/** A new run with the settings as run.json has them now and the data as they are now, from where `run` has come to. */
export async function startChildRun(services: Services, run: TrackedRun, options: StartOptions): Promise<TrackedRun> {
  const from = await startingPoint(run);
  const spec = await readRunSpec(run.directory);
  return createAndStart(services, dirname(run.directory), childOf(spec, run, from), options);
}

interface StartingPoint {
  step: number;
  /** A folder in PEFT's format; absent: nothing was learned yet. */
  adapter?: string;
}

/** The tuned model of a finished run, else the newest checkpoint. */
async function startingPoint(run: TrackedRun): Promise<StartingPoint> {
  const { state, step } = run.head();
  if (state === "finished" && run.usable) return { step, adapter: runPaths(run.directory).adapter };
  const checkpoint = await newestCheckpoint(run.directory);
  return checkpoint === undefined ? { step: 0 } : { step: checkpoint.step, adapter: checkpoint.path };
}

function childOf(spec: RunSpec, run: TrackedRun, { step, adapter }: StartingPoint): NewRun {
  const { version: _version, id: _id, createdAt: _createdAt, name: _name, model, parent: _parent, ...rest } = spec;
  const { path, quantization } = model;
  const name = vscode.l10n.t("{0}, from step {1}", run.name, count(step));
  return {
    ...rest,
    name: name.length > NAME_LENGTH ? `${name.slice(0, NAME_LENGTH - 1)}…` : name,
    model: adapter === undefined ? { path, quantization } : { path, quantization, adapter },
    parent: { run: run.id, step },
  };
}
