import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { EngineEvaluation, EngineReference } from "../protocol/engine";
import { ModelError, systemError } from "./error";

/** The training engine as the oracle of the export: base model + unmerged adapter. */
export interface EngineModel {
  /** Path of tunesmith-engine. */
  engine: string;
  modelDir: string;
  adapterDir: string | null;
  /** 0: the engine decides. */
  threads: number;
  /** Absent: the CPU. */
  device?: "cpu" | "cuda";
  signal?: AbortSignal;
}

/** Logits after each prompt and `greedy` tokens of its continuation. */
export async function engineReference(
  model: EngineModel,
  prompts: readonly (readonly number[])[],
  greedy: number,
): Promise<EngineReference> {
  const folder = await mkdtemp(join(tmpdir(), "tunesmith-reference-"));
  try {
    const [input, output] = [join(folder, "prompts.json"), join(folder, "reference.json")];
    await writeFile(input, JSON.stringify({ prompts }));
    const options = ["--prompts", input, "--greedy", String(greedy), "--out", output];
    await runEngine(model, ["reference", ...modelOptions(model), ...options]);
    const text = await readFile(output, "utf8").catch((error) => {
      throw systemError(output, "read", error);
    });
    return checkReference(parse(text, model.engine), prompts, greedy, model.engine);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Held-out loss as the engine computes it. */
export async function engineEvaluation(
  model: EngineModel,
  dataDir: string,
  split: "train" | "eval",
): Promise<EngineEvaluation> {
  const options = ["--data", dataDir, "--split", split, "--json"];
  const result = parse(await runEngine(model, ["evaluate", ...modelOptions(model), ...options]), model.engine);
  const { loss, targets, documents } = (result ?? {}) as Partial<EngineEvaluation>;
  if (
    typeof loss !== "number" ||
    !Number.isFinite(loss) ||
    typeof targets !== "number" ||
    typeof documents !== "number"
  ) {
    throw new ModelError(`${model.engine} evaluate gave no finite loss; rebuild or reinstall the engine.`);
  }
  return { loss, targets, documents };
}

/** What all of the engine's commands on a model take. */
export function modelOptions({ modelDir, adapterDir, threads, device }: EngineModel): string[] {
  const options = ["--model", modelDir];
  if (adapterDir) options.push("--adapter", adapterDir);
  if (threads > 0) options.push("--threads", String(threads));
  if (device === "cuda") options.push("--device", device);
  return options;
}

function parse(text: string, engine: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ModelError(`${engine} gave no valid JSON; rebuild or reinstall the engine.`);
  }
}

function checkReference(
  value: unknown,
  prompts: readonly (readonly number[])[],
  greedy: number,
  engine: string,
): EngineReference {
  const given = (value as Partial<EngineReference> | null)?.prompts;
  const isNumbers = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((entry) => typeof entry === "number" || entry === null);
  const fits =
    Array.isArray(given) &&
    given.length === prompts.length &&
    given.every(
      (entry, i) =>
        isNumbers(entry?.ids) &&
        isNumbers(entry?.lastLogits) &&
        isNumbers(entry?.greedy) &&
        entry.ids.length === prompts[i]!.length &&
        entry.ids.every((id, at) => id === prompts[i]![at]) &&
        entry.greedy.length === greedy,
    );
  if (!fits)
    throw new ModelError(`${engine} reference answered other prompts than it was asked; reinstall the engine.`);
  return value as EngineReference;
}

/** Standard output, all at once. */
async function runEngine(model: EngineModel, args: string[]): Promise<string> {
  let output = "";
  await followEngine(model, args, (text) => {
    output += text;
  });
  return output;
}

/** Standard output as it comes, in any pieces; a failure carries the engine's own last sentence. */
export function followEngine(
  { engine, signal }: EngineModel,
  args: readonly string[],
  onOutput: (text: string) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const child = spawn(engine, args, { stdio: ["ignore", "pipe", "pipe"], ...(signal ? { signal } : {}) });
    let complaints = "";
    child.stdout.setEncoding("utf8").on("data", onOutput);
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      // Only the end matters; an engine gone wild must not fill memory.
      complaints = (complaints + text).slice(-8192);
    });
    child.on("error", (error) => {
      reject(signal?.aborted ? signal.reason : systemError(engine, "started", error));
    });
    child.on("close", (code, killedBy) => {
      if (code === 0) return resolve();
      if (signal?.aborted) return reject(signal.reason);
      const last = complaints.trim().split("\n").at(-1) ?? "";
      const end = killedBy ? `was ended by ${killedBy}` : `ended with exit code ${code}`;
      reject(new ModelError(last || `${basename(engine)} ${args[0]} ${end}.`));
    });
  });
}
