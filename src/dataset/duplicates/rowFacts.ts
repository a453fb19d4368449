/** What is kept of a row to set it beside the others: computed once, a few hundred bytes. */

import type { TextPart } from "../checks/textPart";
import type { RowPath } from "../problem";
import { type AnswerLanguage, answerLanguage } from "../statistics/answerLanguage";
import { type Task, taskOf } from "../statistics/task";
import { type Fingerprint, hashNumber, hashText, looseHash, normalised } from "./fingerprint";
import { type Sketch, sketchOf } from "./sketch";

/** Lengths are in UTF-16 code units. */
export interface ExactFacts {
  /** All texts with their roles; null where there is none. */
  content: Fingerprint | null;
  /** All texts that are not answers; null where there is none. */
  prompt: Fingerprint | null;
  /** The answers without white space, letters in lower case: 32 bits, to be compared where prompts are equal. */
  answer: number;
  promptCharacters: number;
  answerCharacters: number;
  /** Stretches between white space. */
  answerWords: number;
  /** The first instruction; [] where there is none. */
  instructionPath: RowPath;
  /** The first answer; [] where there is none. */
  answerPath: RowPath;
}

export interface RowFacts extends ExactFacts {
  /** Null where the row is too short for near-duplicates. */
  sketch: Sketch | null;
  task: Task;
  language: AnswerLanguage;
}

const ROLE_CODES: Record<TextPart["role"], number> = { system: 1, instruction: 2, context: 3, answer: 4 };
const WHOLE_ROW: RowPath = [];

export function rowFacts(texts: readonly TextPart[]): RowFacts {
  return {
    ...exactFacts(texts),
    sketch: sketchOf(texts),
    task: taskOf(texts.find(({ role }) => role === "instruction")?.text ?? ""),
    language: answerLanguage(texts.find(({ role }) => role === "answer")?.text ?? ""),
  };
}

/** The facts without sketch, task and language: a quarter of the time. */
export function exactFacts(texts: readonly TextPart[]): ExactFacts {
  return hashedFacts(texts, true);
}

/** Of the exact facts those of content and prompt, in two thirds of the time: no conflict and no length shows from them. */
export function contentFacts(texts: readonly TextPart[]): ExactFacts {
  return hashedFacts(texts, false);
}

function hashedFacts(texts: readonly TextPart[], withAnswers: boolean): ExactFacts {
  const content: Fingerprint = { high: 0, low: 0 };
  const prompt: Fingerprint = { high: 0, low: 0 };
  const facts: ExactFacts = {
    content: null,
    prompt: null,
    answer: 0,
    promptCharacters: 0,
    answerCharacters: 0,
    answerWords: 0,
    instructionPath: WHOLE_ROW,
    answerPath: WHOLE_ROW,
  };
  for (const { text, role, path } of texts) {
    if (role === "instruction" && facts.instructionPath === WHOLE_ROW) facts.instructionPath = path;
    if (role === "answer" && facts.answerPath === WHOLE_ROW) facts.answerPath = path;
    const exact = normalised(text);
    if (exact === "") continue;
    hashNumber(ROLE_CODES[role], content);
    hashText(exact, content);
    facts.content = content;
    if (role === "answer") {
      if (!withAnswers) continue;
      const { hash, words } = looseHash(text);
      facts.answer = Math.imul(facts.answer ^ hash, 0x9e3779b1);
      facts.answerCharacters += text.length;
      facts.answerWords += words;
    } else {
      hashText(exact, prompt);
      facts.prompt = prompt;
      facts.promptCharacters += text.length;
    }
  }
  return facts;
}
