import type { RowProblem } from "./problem";
import type { SpecialTokens } from "./specialTokens";
import type { Segment, Template } from "./templates/template";
import type { Tokenizer } from "./tokenizer";

/** Set in a token word: the token is a target of the loss (src/protocol/run.ts). */
export const TARGET_BIT = 0x80000000;

export interface EncodedSample {
  /** Token ids, targets with TARGET_BIT. */
  tokens: Uint32Array;
  targets: number;
}

/** Segments to tokens: the begin token once, then each segment tokenized apart. The first token is never a target. */
export async function encodeSamples(
  samples: readonly (readonly Segment[])[],
  tokenizer: Tokenizer,
): Promise<(EncodedSample | RowProblem)[]> {
  const texts = samples.flatMap((segments) => segments.filter(isText).map(({ text }) => text));
  const encoded = await tokenizer.encode(texts);
  let next = 0;
  return samples.map((segments) => {
    const parts = segments.map((segment) => (isText(segment) ? encoded[next++]! : idOf(segment)));
    return join(segments, parts, tokenizer);
  });
}

/** The tokens of a prompt at inference: the very ones that stand before the answer in training. */
export async function encodePrompt(
  template: Template,
  instruction: string,
  input: string,
  tokenizer: Tokenizer,
): Promise<number[]> {
  const [encoded] = await encodeSamples([template.prompt(instruction, input, tokenizer.special)], tokenizer);
  if (encoded === undefined || "check" in encoded) throw new Error(encoded?.message);
  return Array.from(encoded.tokens);
}

/** What the model sees of a sample, for people: the begin token and all segments. */
export function previewSegments(
  segments: readonly Segment[],
  special: SpecialTokens,
): { text: string; learned: boolean }[] {
  const begin = special.begin === null ? [] : [{ text: special.begin.text, learned: false }];
  return [...begin, ...segments.filter(({ text }) => text !== "").map(({ text, learned }) => ({ text, learned }))];
}

export function isEncoded(result: EncodedSample | RowProblem): result is EncodedSample {
  return "tokens" in result;
}

function isText(segment: Segment): boolean {
  return segment.id === undefined && segment.text !== "";
}

function idOf(segment: Segment): number[] {
  return segment.id === undefined ? [] : [segment.id];
}

function join(segments: readonly Segment[], parts: number[][], tokenizer: Tokenizer): EncodedSample | RowProblem {
  const { begin } = tokenizer.special;
  const length = parts.reduce((sum, ids) => sum + ids.length, begin === null ? 0 : 1);
  const tokens = new Uint32Array(length);
  let at = 0;
  let targets = 0;
  if (begin !== null) tokens[at++] = begin.id;
  for (const [index, ids] of parts.entries()) {
    const segment = segments[index]!;
    for (const id of ids) {
      if (segment.id === undefined && tokenizer.isControl(id))
        return controlTokenProblem(segment, tokenizer.spelling(id));
      const target = segment.learned && at > 0;
      if (target) targets++;
      tokens[at++] = target ? (id | TARGET_BIT) >>> 0 : id;
    }
  }
  return { tokens, targets };
}

function controlTokenProblem(segment: Segment, token: string | null): RowProblem {
  const where = segment.learned ? "answer" : "prompt";
  return {
    check: "special-token",
    message: `The ${where} contains ${JSON.stringify(token)}, which this model's tokenizer takes for a control token: remove it.`,
    path: [],
  };
}
