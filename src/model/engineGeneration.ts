import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import * as v from "valibot";
import type { EngineGeneration } from "../protocol/engine";
import { type EngineModel, followEngine, modelOptions } from "./engine";
import { ModelError } from "./error";

/** What is to be continued; the answer ends after `maxTokens` at the latest. */
export interface GenerationPrompt {
  ids: readonly number[];
  maxTokens: number;
}

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const lineSchema = v.variant("type", [
  v.object({ type: v.literal("token"), prompt: whole, base: v.boolean(), id: whole }),
  v.object({
    type: v.literal("end"),
    prompt: whole,
    base: v.boolean(),
    ended: v.boolean(),
    seconds: v.pipe(v.number(), v.finite()),
  }),
]);

/**
 * `tunesmith-engine generate`: answers greedily, prompt by prompt. With `base` each prompt is answered without the
 * adapter first, then with it. Throws the engine's own sentence.
 */
export async function engineGeneration(
  model: EngineModel,
  prompts: readonly GenerationPrompt[],
  { base, onGeneration }: { base: boolean; onGeneration: (generation: EngineGeneration) => void },
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "tunesmith-prompts-"));
  try {
    const file = join(folder, "prompts.jsonl");
    await writeFile(file, prompts.map(({ ids, maxTokens }) => `${JSON.stringify({ ids, maxTokens })}\n`).join(""));
    const options = ["--prompts", file, ...(base ? ["--base"] : [])];
    let rest = "";
    await followEngine(model, ["generate", ...modelOptions(model), ...options], (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) onGeneration(parseGeneration(line, prompts.length, model.engine));
    });
    if (rest.trim() !== "") onGeneration(parseGeneration(rest, prompts.length, model.engine));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Throws where the line is none of the engine's, or about a prompt that was not asked. */
export function parseGeneration(line: string, prompts: number, engine: string): EngineGeneration {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    value = undefined;
  }
  const parsed = v.safeParse(lineSchema, value);
  if (parsed.success && parsed.output.prompt < prompts) return parsed.output;
  throw new ModelError(`${basename(engine)} generate gave a line that is no answer; reinstall the engine.`);
}
