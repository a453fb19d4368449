import type { Tokenizer } from "../dataset/tokenizer";
import { describeError } from "../disk/describeError";
import type { SampleEvent } from "../protocol/engine";
import type { SamplePrompt } from "../protocol/run";
import type { PinnedSample, SampleAnswer, SampleReport } from "../protocol/samplesView";
import { readSamples } from "./samples";

/**
 * The pinned prompts of a run with their answers as texts. Answers to prompts that are no longer pinned are left out; a
 * damaged samples.json is said and shows nothing.
 */
export async function reportSamples(
  directory: string,
  events: readonly SampleEvent[],
  tokenizer: Pick<Tokenizer, "decode" | "vocabularySize">,
): Promise<SampleReport> {
  let prompts: SamplePrompt[];
  try {
    prompts = await readSamples(directory);
  } catch (error) {
    return { samples: [], problem: describeError(error) };
  }
  const samples: PinnedSample[] = [];
  for (const { id, instruction, text, maxTokens } of prompts) {
    const answers = new Map<number, SampleAnswer>();
    let base: SampleAnswer | null = null;
    for (const event of events) {
      if (event.prompt !== id) continue;
      const answer = await decoded(event, tokenizer);
      if (event.base) base = { ...answer, step: 0 };
      else answers.set(event.step, answer);
    }
    const inOrder = [...answers.values()].sort((a, b) => a.step - b.step);
    samples.push({ id, instruction, text, maxTokens, base, answers: inOrder });
  }
  return { samples, problem: null };
}

async function decoded(
  { step, ids, ended }: SampleEvent,
  tokenizer: Pick<Tokenizer, "decode" | "vocabularySize">,
): Promise<SampleAnswer> {
  // Whoever writes events may name tokens that there are not.
  const known = ids.filter((id) => id < tokenizer.vocabularySize);
  return { step, text: await tokenizer.decode(known), tokens: ids.length, ended };
}
