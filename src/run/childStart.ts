/** Where a child run starts from: what its parent has learned, unless that does not fit what is asked for now. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { RunSpec } from "../protocol/run";
import { readLastEvents } from "./lastEvents";
import { readPlainFile } from "./plainFile";
import { newestCheckpoint } from "./provenance";
import { runPaths } from "./runDirectory";
import { RunError, withFile } from "./runError";

const MAX_CONFIG_BYTES = 4 << 20;

export interface ChildStart {
  /** Of the parent; 0: the child learns from the beginning. */
  step: number;
  /** A folder in PEFT's format; absent: a fresh adapter. */
  adapter?: string;
  /** Why what the parent has learned is left behind: another base model, or these settings of run.json. */
  leftBehind?: "model" | string[];
}

/** `modelChanged`: the base model is another one than what the run has learned on. */
export async function childStart(
  directory: string,
  { lora }: Pick<RunSpec, "lora">,
  modelChanged: boolean,
): Promise<ChildStart> {
  const { step, adapter } = await newestAdapter(directory);
  if (adapter === undefined) return { step };
  if (modelChanged) return { step: 0, leftBehind: "model" };
  const misfits = await misfitsOf(adapter, lora);
  return misfits.length > 0 ? { step: 0, leftBehind: misfits } : { step, adapter };
}

/** The tuned model of a finished run, else the newest checkpoint. */
async function newestAdapter(directory: string): Promise<ChildStart> {
  const last = (await readLastEvents(directory)).at(-1);
  const { adapter } = runPaths(directory);
  if (last?.type === "done" && last.reason === "finished" && existsSync(adapter)) {
    return { step: last.adapterStep ?? last.step, adapter };
  }
  const checkpoint = await newestCheckpoint(directory);
  return checkpoint === undefined ? { step: 0 } : { step: checkpoint.step, adapter: checkpoint.path };
}

/** What an engine would refuse to start from (check_start in native/src/run/training_run.cpp). */
const configSchema = v.object({
  r: v.number(),
  lora_alpha: v.number(),
  target_modules: v.array(v.string()),
  use_rslora: v.optional(v.nullable(v.boolean()), false),
});

/** The settings that the adapter was learned with other values of. */
async function misfitsOf(
  adapter: string,
  { rank, targets, alpha, rankStabilised }: RunSpec["lora"],
): Promise<string[]> {
  const config = await readConfig(join(adapter, "adapter_config.json"));
  const sorted = (names: readonly string[]) => [...names].sort().join();
  const fits: [string, boolean][] = [
    ["lora.rank", config.r === rank],
    ["lora.targets", sorted(config.target_modules) === sorted(targets)],
    ["lora.alpha", config.lora_alpha === alpha],
    ["lora.rankStabilised", (config.use_rslora ?? false) === rankStabilised],
  ];
  return fits.flatMap(([name, same]) => (same ? [] : [name]));
}

async function readConfig(file: string): Promise<v.InferOutput<typeof configSchema>> {
  let text: string;
  try {
    text = await readPlainFile(file, MAX_CONFIG_BYTES);
  } catch (error) {
    throw withFile(error, file);
  }
  try {
    return v.parse(configSchema, JSON.parse(text));
  } catch {
    throw new RunError(`${file} does not describe an adapter; nothing can start from it.`);
  }
}
