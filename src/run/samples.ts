import { lstat } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { writeAtomically } from "../disk/atomicWrite";
import { RUN_VERSION, type SampleFile, type SamplePrompt } from "../protocol/run";
import { readBoundedJson } from "./boundedFile";
import { hasCode, RunError, withFile } from "./runError";

/** What the engine takes; it says the same of a file that has more. */
export const MAX_SAMPLES = 32;
const MAX_BYTES = 1 << 20;
/** Held-out instructions that a new run begins with, where it has so many. */
export const PINNED_SAMPLES = 3;
/** What comes later tells no more, and on a CPU each evaluation waits for some seconds for so many. */
export const SAMPLE_TOKENS = 96;
/** Of what a person types. */
export const MAX_INSTRUCTION = 20_000;

export const samplesFile = (directory: string) => join(directory, "samples.json");

const id = v.pipe(v.string(), v.regex(/^[A-Za-z0-9-]{1,64}$/));
const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const schema = v.object({
  version: v.literal(RUN_VERSION),
  prompts: v.pipe(
    v.array(
      v.object({
        id,
        instruction: v.string(),
        text: v.string(),
        ids: v.array(whole),
        maxTokens: v.pipe(whole, v.minValue(1)),
      }),
    ),
    v.maxLength(MAX_SAMPLES),
  ),
});

/** The pinned prompts; none where there is no file. Throws one sentence where it is damaged. */
export async function readSamples(directory: string): Promise<SamplePrompt[]> {
  const file = samplesFile(directory);
  let value: unknown;
  try {
    value = await readBoundedJson(file, MAX_BYTES);
  } catch (error) {
    if (await isAbsent(file)) return [];
    throw error;
  }
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output.prompts;
  const where = v.getDotPath(parsed.issues[0]) ?? "its content";
  throw new RunError(`${file} is damaged: ${where} is not as expected; remove the file to begin anew.`);
}

/** Writes all prompts, the whole file or nothing. */
export async function writeSamples(directory: string, prompts: readonly SamplePrompt[]): Promise<void> {
  const file = samplesFile(directory);
  const content: SampleFile = { version: RUN_VERSION, prompts: [...prompts] };
  const text = `${JSON.stringify(content)}\n`;
  if (Buffer.byteLength(text) > MAX_BYTES) {
    throw new RunError("The pinned prompts together are longer than 1 MiB; remove one, or shorten this one.");
  }
  try {
    await writeAtomically(file, text);
  } catch (error) {
    throw withFile(error, file);
  }
}

/** Pins one more prompt. The answers to one of the same tokens stay: it is not pinned twice. */
export async function addSample(directory: string, prompt: Omit<SamplePrompt, "id">): Promise<SamplePrompt> {
  const prompts = await readSamples(directory);
  const known = prompts.find(
    ({ ids }) => ids.length === prompt.ids.length && ids.every((id, i) => id === prompt.ids[i]),
  );
  if (known !== undefined) return known;
  if (prompts.length >= MAX_SAMPLES) {
    throw new RunError(`A run has at most ${MAX_SAMPLES} pinned prompts; remove one first.`);
  }
  const added = { id: freeId(prompts), ...prompt };
  await writeSamples(directory, [...prompts, added]);
  return added;
}

export async function removeSample(directory: string, id: string): Promise<void> {
  const prompts = await readSamples(directory);
  const kept = prompts.filter((prompt) => prompt.id !== id);
  if (kept.length < prompts.length) await writeSamples(directory, kept);
}

/** Of a removed prompt the events still tell: its id is not given again. */
function freeId(prompts: readonly SamplePrompt[]): string {
  const base = `prompt-${Date.now().toString(36)}`;
  const taken = new Set(prompts.map(({ id }) => id));
  for (let n = 0; ; n++) {
    const candidate = n === 0 ? base : `${base}-${n}`;
    if (!taken.has(candidate)) return candidate;
  }
}

async function isAbsent(file: string): Promise<boolean> {
  return lstat(file).then(
    () => false,
    (error: unknown) => hasCode(error, "ENOENT", "ENOTDIR"),
  );
}
