import type { Tokenizer } from "../dataset/tokenizer";
import type { EngineModel } from "../model/engine";
import { engineGeneration } from "../model/engineGeneration";
import { ModelError } from "../model/error";
import { type HeldOutInstruction, withoutEnd } from "./heldOutInstructions";

/** What a model has made of a prompt. */
export interface RawAnswer {
  text: string;
  /** It ended by itself. */
  ended: boolean;
  /** Without the one that ends it. */
  tokens: number;
}

export interface AnswerPair {
  base: RawAnswer;
  tuned: RawAnswer;
}

export interface AnswerOptions {
  model: EngineModel;
  tokenizer: Tokenizer;
  /** Any of them ends an answer. */
  endTokens: ReadonlySet<number>;
  onProgress?: (answered: number) => void;
}

/** Every instruction answered by the base model and with the adapter, greedily. */
export async function answerInstructions(
  instructions: readonly HeldOutInstruction[],
  { model, tokenizer, endTokens, onProgress }: AnswerOptions,
): Promise<AnswerPair[]> {
  const made = instructions.map(() => ({ base: newAnswer(), tuned: newAnswer() }));
  let complete = 0;
  const prompts = instructions.map(({ prompt, maxTokens }) => ({ ids: prompt, maxTokens }));
  await engineGeneration(model, prompts, {
    base: true,
    onGeneration: (generation) => {
      const pair = made[generation.prompt]!;
      const answer = generation.base ? pair.base : pair.tuned;
      if (generation.type === "token") answer.ids.push(generation.id);
      else {
        answer.ended = generation.ended;
        answer.complete = true;
        complete++;
        onProgress?.(complete / 2);
      }
    },
  });
  if (made.some(({ base, tuned }) => !base.complete || !tuned.complete)) {
    throw new ModelError(`${model.engine} generate left prompts unanswered; reinstall the engine.`);
  }
  const read = (answer: UnreadAnswer) => readAnswer(answer, tokenizer, endTokens);
  return Promise.all(made.map(async ({ base, tuned }) => ({ base: await read(base), tuned: await read(tuned) })));
}

interface UnreadAnswer {
  ids: number[];
  ended: boolean;
  complete: boolean;
}

function newAnswer(): UnreadAnswer {
  return { ids: [], ended: false, complete: false };
}

/** A template may end answers with a token of its own, which the engine does not know as an end. */
async function readAnswer(
  { ids, ended }: UnreadAnswer,
  tokenizer: Tokenizer,
  endTokens: ReadonlySet<number>,
): Promise<RawAnswer> {
  const cut = withoutEnd(ids, endTokens);
  return { text: await tokenizer.decode(cut.ids), ended: ended || cut.ended, tokens: cut.ids.length };
}
