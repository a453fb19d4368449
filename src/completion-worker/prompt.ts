import { encodePrompt } from "../dataset/encode";
import { templateById } from "../dataset/templates/registry";
import type { Tokenizer } from "../dataset/tokenizer";
import { ModelError } from "../model/error";
import type { Contract } from "../protocol/run";

/** Tokens of a prompt at most: beyond that the wait grows faster than the completion's worth. */
export const LONGEST_PROMPT = 1024;
/** What follows the cursor stands behind the prefix in the prompt, and so is computed anew with each key: kept short. */
export const LONGEST_SUFFIX = 128;
/** Fewest tokens that a prompt must have room for. */
const SHORTEST_PROMPT = 16;
/** The prefix loses its beginning in steps of so many characters: its new beginning stays while the user types, and with it the KV cache. */
const CUT_STEP = 512;
/** More characters than that a token holds on average nowhere; what is longer is cut before it is tokenized. */
const MOST_CHARACTERS_PER_TOKEN = 16;

export interface CodePrompt {
  ids: number[];
  mode: "fim" | "prefix";
}

/** The prompt for the code around a cursor: fill-in-the-middle where the contract lists it, else the prefix alone. */
export async function codePrompt(
  contract: Contract,
  tokenizer: Tokenizer,
  code: { prefix: string; suffix: string },
  maxTokens: number,
): Promise<CodePrompt> {
  const { fim, prefix: prefixMode } = contract.modes;
  if (!fim && !prefixMode) throw new ModelError("This model answers instructions only; it does not complete code.");
  const begin = contract.beginToken ? [contract.beginToken.id] : [];
  const control = begin.length + (fim ? 3 : 0);
  const budget = promptBudget(contract, maxTokens) - control;
  const prefixText = unixLines(code.prefix);
  if (!fim) return { ids: [...begin, ...(await fitEnd(prefixText, budget, tokenizer))], mode: "prefix" };
  const suffix = await fitStart(unixLines(code.suffix), Math.min(LONGEST_SUFFIX, budget >> 2), tokenizer);
  const prefix = await fitEnd(prefixText, budget - suffix.length, tokenizer);
  return { ids: [...begin, fim.prefix, ...prefix, fim.suffix, ...suffix, fim.middle], mode: "fim" };
}

/** The tokens that stood before the answer in training. */
export async function instructPrompt(
  contract: Contract,
  tokenizer: Tokenizer,
  request: { instruction: string; input: string },
  maxTokens: number,
): Promise<number[]> {
  const { instruct } = contract.modes;
  if (!instruct) throw new ModelError("This model was not trained to answer instructions; it completes code only.");
  const ids = await encodePrompt(templateById(instruct.template), request.instruction, request.input, tokenizer);
  const room = contract.contextLength - maxTokens;
  if (ids.length > room) {
    throw new ModelError(
      `The instruction has ${ids.length} tokens, but the model's context has room for ${Math.max(room, 0)}; shorten it.`,
    );
  }
  return ids;
}

function promptBudget(contract: Contract, maxTokens: number): number {
  const budget = Math.min(contract.contextLength - maxTokens, LONGEST_PROMPT);
  if (budget < SHORTEST_PROMPT) {
    throw new ModelError(
      `${maxTokens} new tokens leave no room for a prompt: the model's context is ${contract.contextLength} tokens long.`,
    );
  }
  return budget;
}

/** The end of `text` in at most `budget` tokens, beginning at a line's start. */
export async function fitEnd(text: string, budget: number, tokenizer: Pick<Tokenizer, "encode">): Promise<number[]> {
  let drop = Math.max(0, text.length - budget * MOST_CHARACTERS_PER_TOKEN);
  for (;;) {
    const kept = dropStart(text, drop);
    const [ids] = (await tokenizer.encode([kept])) as [number[]];
    if (ids.length <= budget) return ids;
    const excess = Math.ceil(((ids.length - budget) * kept.length) / ids.length);
    drop = text.length - kept.length + Math.max(1, excess);
  }
}

/** The beginning of `text` in at most `budget` tokens, whole lines where they fit. */
export async function fitStart(text: string, budget: number, tokenizer: Pick<Tokenizer, "encode">): Promise<number[]> {
  let keep = Math.min(text.length, budget * MOST_CHARACTERS_PER_TOKEN);
  for (;;) {
    const kept = keepStart(text, keep);
    const [ids] = (await tokenizer.encode([kept])) as [number[]];
    if (ids.length <= budget) return ids;
    keep = Math.min(kept.length - 1, Math.floor((kept.length * budget) / ids.length));
  }
}

/** `text` without at least its first `atLeast` characters. */
export function dropStart(text: string, atLeast: number): string {
  if (atLeast <= 0) return text;
  if (atLeast >= text.length) return "";
  const step = Math.ceil(atLeast / CUT_STEP) * CUT_STEP;
  const newline = text.indexOf("\n", step - 1);
  // A last line longer than the room is cut inside: better than no context at all.
  if (newline === -1 || newline + 1 >= text.length) return text.slice(characterStart(text, atLeast));
  return text.slice(newline + 1);
}

/** At most the first `atMost` characters of `text`. */
export function keepStart(text: string, atMost: number): string {
  if (atMost >= text.length) return text;
  const newline = text.lastIndexOf("\n", atMost - 1);
  if (newline > 0) return text.slice(0, newline + 1);
  const end = characterStart(text, atMost);
  return text.slice(0, end > atMost ? atMost - 1 : end);
}

/** The first index from `index` on that is not inside a surrogate pair. */
function characterStart(text: string, index: number): number {
  const unit = text.charCodeAt(index);
  return unit >= 0xdc00 && unit <= 0xdfff ? index + 1 : index;
}

/** Models see \n; the editor gives inserted text the document's own line ends. */
function unixLines(text: string): string {
  return text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
}
