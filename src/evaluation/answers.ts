import type { Tokenizer } from "../dataset/tokenizer";
import type { EngineModel } from "../model/engine";
import { engineGeneration } from "../model/engineGeneration";
import { ModelError } from "../model/error";
import type { EngineGeneration } from "../protocol/engine";
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

/** An answer as the engine tells it. */
export interface AnsweredIds {
  ids: number[];
  ended: boolean;
}

/** Both models' answers to an instruction. */
export interface AnsweredPair {
  base: AnsweredIds;
  tuned: AnsweredIds;
}

export interface AnswerOptions {
  model: EngineModel;
  tokenizer: Tokenizer;
  /** Any of them ends an answer. */
  endTokens: ReadonlySet<number>;
  /** By the instruction's place: those that need not be asked any more. */
  known?: ReadonlyMap<number, AnsweredPair>;
  /** An instruction was answered by both. */
  onAnswered?: (index: number, pair: AnsweredPair) => void;
  /** `answered`: with those that were known; half of one where only the base model has answered. */
  onProgress?: (answered: number) => void;
}

/** Every instruction answered by the base model and with the adapter, greedily. */
export async function answerInstructions(
  instructions: readonly HeldOutInstruction[],
  { model, tokenizer, endTokens, known = new Map(), onAnswered, onProgress }: AnswerOptions,
): Promise<AnswerPair[]> {
  const left = instructions.flatMap((_, index) => (known.has(index) ? [] : [index]));
  const made = instructions.map(
    (_, index): AnsweredPair => known.get(index) ?? { base: newAnswer(), tuned: newAnswer() },
  );
  let complete = 2 * (instructions.length - left.length);
  onProgress?.(complete / 2);
  const ended = new Set<AnsweredIds>();
  const onGeneration = (generation: EngineGeneration) => {
    const index = left[generation.prompt]!;
    const pair = made[index]!;
    const answer = generation.base ? pair.base : pair.tuned;
    if (generation.type === "token") {
      answer.ids.push(generation.id);
      return;
    }
    answer.ended = generation.ended;
    ended.add(answer);
    if (ended.has(pair.base) && ended.has(pair.tuned)) onAnswered?.(index, pair);
    onProgress?.(++complete / 2);
  };
  const prompts = left.map((index) => {
    const { prompt, maxTokens } = instructions[index]!;
    return { ids: prompt, maxTokens };
  });
  if (prompts.length > 0) await engineGeneration(model, prompts, { base: true, onGeneration });
  if (ended.size < 2 * prompts.length) {
    throw new ModelError(`${model.engine} generate left prompts unanswered; reinstall the engine.`);
  }
  const read = (answer: AnsweredIds) => readAnswer(answer, tokenizer, endTokens);
  return Promise.all(made.map(async ({ base, tuned }) => ({ base: await read(base), tuned: await read(tuned) })));
}

function newAnswer(): AnsweredIds {
  return { ids: [], ended: false };
}

/** A template may end answers with a token of its own, which the engine does not know as an end. */
async function readAnswer(
  { ids, ended }: AnsweredIds,
  tokenizer: Tokenizer,
  endTokens: ReadonlySet<number>,
): Promise<RawAnswer> {
  const cut = withoutEnd(ids, endTokens);
  return { text: await tokenizer.decode(cut.ids), ended: ended || cut.ended, tokens: cut.ids.length };
}
