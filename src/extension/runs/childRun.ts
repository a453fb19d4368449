import { dirname } from "node:path";
import * as vscode from "vscode";
import type { RunSpec } from "../../protocol/run";
import { type ChildStart, childStart } from "../../run/childStart";
import { type NewRun, readRunSpec } from "../../run/runDirectory";
import type { Services } from "../context";
import { count } from "../figures";
import type { RunCheck } from "./checkRun";
import { NAME_LENGTH } from "./planForm";
import type { StartOptions } from "./preparations";
import type { TrackedRun } from "./runRegistry";
import { createAndStart } from "./startRun";

/** A child run that has not been made yet. */
export interface ChildPlan {
  spec: RunSpec;
  start: ChildStart;
}

/** With the settings as run.json has them now, from where `run` has come to. */
export async function planChildRun(run: TrackedRun, { changes }: RunCheck): Promise<ChildPlan> {
  const spec = await readRunSpec(run.directory);
  const modelChanged = changes.some(({ kind }) => kind === "model");
  return { spec, start: await childStart(run.directory, spec, modelChanged) };
}

/** One sentence on what the child starts from. */
export function describeStart({ start: { adapter, leftBehind } }: ChildPlan): string {
  if (leftBehind === "model") {
    return vscode.l10n.t(
      "A child run starts from a fresh adapter, with the data and settings as they are now: what this run has learned belongs to the base model as it was.",
    );
  }
  if (leftBehind !== undefined) {
    return vscode.l10n.t(
      "A child run starts from a fresh adapter, with the data and settings as they are now: what this run has learned does not fit {0} of run.json.",
      leftBehind.join(", "),
    );
  }
  return adapter === undefined
    ? vscode.l10n.t("A child run starts with the data and settings as they are now.")
    : vscode.l10n.t(
        "A child run starts from this run's newest checkpoint, with the data and settings as they are now.",
      );
}

/** A new run with the data as they are now. */
export async function startChildRun(
  services: Services,
  run: TrackedRun,
  plan: ChildPlan,
  options: StartOptions,
): Promise<TrackedRun> {
  return createAndStart(services, dirname(run.directory), childOf(run, plan), options);
}

function childOf(run: TrackedRun, { spec, start: { step, adapter } }: ChildPlan): NewRun {
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
