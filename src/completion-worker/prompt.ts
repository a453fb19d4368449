import { encodePrompt } from "../dataset/encode";
import { templateById } from "../dataset/templates/registry";
import type { Tokenizer } from "../dataset/tokenizer";
import { ModelError } from "../model/error";
import type { Contract } from "../protocol/run";
import type { CodeQuestion, PromptSection } from "../protocol/worker";
import { type ContextPart, contextPart } from "./promptContext";
import { tokensOf } from "./promptTokens";
import { fitEnd, fitStart, type Part } from "./promptWindow";
import { splitIndentation, splitWord } from "./wordHealing";

/** Tokens of a prompt at most: beyond that the wait grows faster than the completion's worth. */
export const LONGEST_PROMPT = 1024;
/** What follows the cursor stands behind the prefix in the prompt, and so is computed anew with each key: kept short. */
export const LONGEST_SUFFIX = 128;
/** Fewest tokens that a prompt must have room for. */
const SHORTEST_PROMPT = 16;

export type PromptQuestion = Pick<CodeQuestion, "prefix" | "suffix"> &
  Partial<Pick<CodeQuestion, "context" | "contextTokens" | "instruction">>;

export interface CodePrompt {
  ids: number[];
  mode: "fim" | "prefix" | "instruct";
  /** What the prompt is made of, in its order; their tokens together are all of `ids`. */
  sections: PromptSection[];
  /** The begun word, which the prompt leaves out and generation is to write again. */
  word: string;
}

/**
 * The prompt for the code around a cursor: the contract's template where an instruction is asked for and the model was
 * trained on instructions, fill-in-the-middle where the contract lists it, else the prefix alone. Code from elsewhere
 * stands before the prefix: it stays while the user types. The suffix stands behind the prefix, as in training, and is
 * computed anew with each key.
 */
export async function codePrompt(
  contract: Contract,
  tokenizer: Tokenizer,
  question: PromptQuestion,
  maxTokens: number,
): Promise<CodePrompt> {
  const instructed = await instructedPrompt(contract, tokenizer, question, maxTokens);
  if (instructed !== null) return instructed;
  const { fim, prefix: prefixMode } = contract.modes;
  if (!fim && !prefixMode) throw new ModelError("This model answers instructions only; it does not complete code.");
  const budget = promptBudget(contract, maxTokens) - (contract.beginToken ? 1 : 0) - (fim ? 3 : 0);
  const { head, word } = fim ? splitWord(question.prefix) : splitIndentation(question.prefix);
  const context = await contextPart(question.context ?? [], contextBudget(question, budget), tokenizer);
  const room = budget - context.ids.length;
  if (!fim) {
    const prefix = await fitEnd(unixLines(head), room, tokenizer);
    return { ...assemble(contract, tokenizer, context, prefix, null), mode: "prefix", word };
  }
  const suffix = await fitStart(unixLines(question.suffix), Math.min(LONGEST_SUFFIX, budget >> 2), tokenizer);
  const prefix = await fitEnd(unixLines(head), room - suffix.ids.length, tokenizer);
  return { ...assemble(contract, tokenizer, context, prefix, suffix), mode: "fim", word };
}

/** A file's own code before the cursor always has at least half of the prompt. */
function contextBudget({ contextTokens = 0 }: PromptQuestion, budget: number): number {
  return Math.min(contextTokens, budget >> 1);
}

function assemble(
  contract: Contract,
  tokenizer: Tokenizer,
  context: ContextPart,
  prefix: Part,
  suffix: Part | null,
): Pick<CodePrompt, "ids" | "sections"> {
  const { beginToken } = contract;
  const fim = suffix === null ? undefined : contract.modes.fim;
  const control = (id: number): Piece => {
    const text = tokenizer.spelling(id) ?? String(id);
    return { ids: [id], sections: [{ kind: "control", label: text, text, tokens: 1 }] };
  };
  const code = (kind: "prefix" | "suffix", { text, ids, room }: Part): Piece => ({
    ids,
    sections: [{ kind, label: kind, text, tokens: ids.length, room }],
  });
  const pieces: Piece[] = [
    ...(beginToken ? [control(beginToken.id)] : []),
    ...(fim ? [control(fim.prefix)] : []),
    context,
    code("prefix", prefix),
    ...(fim && suffix ? [control(fim.suffix), code("suffix", suffix), control(fim.middle)] : []),
  ];
  return { ids: pieces.flatMap(({ ids }) => ids), sections: pieces.flatMap(({ sections }) => sections) };
}

interface Piece {
  ids: number[];
  sections: PromptSection[];
}

/** Templates that show code or texts as they stand: an instruction means nothing to a model trained with them. */
const VERBATIM: ReadonlySet<string> = new Set(["fim", "prompt-completion"]);

/**
 * Null: nothing is asked for, the model was not trained on instructions, or the instruction has no room. Below a docstring
 * the answer is begun with the function's header: it stands in the file already, and what is wanted is what follows it.
 */
async function instructedPrompt(
  contract: Contract,
  tokenizer: Tokenizer,
  { instruction, prefix }: PromptQuestion,
  maxTokens: number,
): Promise<CodePrompt | null> {
  const { instruct } = contract.modes;
  if (typeof instruction !== "string" || !instruct || VERBATIM.has(instruct.template)) return null;
  const asked = await encodePrompt(templateById(instruct.template), unixLines(instruction), "", tokenizer);
  const header = headerAskedFor(instruction, prefix);
  const [begun] = (await tokensOf([header], tokenizer)) as [number[]];
  const room = promptBudget(contract, maxTokens);
  if (asked.length + begun.length > room) return null;
  const text = await tokenizer.decode(asked, { controlTokens: true });
  const sections: PromptSection[] = [
    { kind: "instruction", label: instruct.template, text, tokens: asked.length, room: room - begun.length },
  ];
  if (header !== "") sections.push({ kind: "prefix", label: "prefix", text: header, tokens: begun.length });
  return { ids: [...asked, ...begun], mode: "instruct", sections, word: "" };
}

/** The header of the function whose docstring ends `prefix`, as the instruction names it; "" where a comment asks. */
function headerAskedFor(instruction: string, prefix: string): string {
  if (!/("""|''')\s*$/.test(prefix.slice(-200))) return "";
  const [, async, signature] = /^Write an? (async )?Python (?:function|method) `([^`\n]+)`/.exec(instruction) ?? [];
  return signature === undefined ? "" : `${async ?? ""}def ${signature}:\n`;
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

/** Models see \n; the editor gives inserted text the document's own line ends. */
function unixLines(text: string): string {
  return text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
}
