import type { TemplateId } from "../../protocol/run";
import type { Sample, SampleShape } from "../sample";
import type { SpecialToken, SpecialTokens } from "../specialTokens";

/** A stretch of what the model sees. With `id` it is that one token, and `text` only shows it. */
export interface Segment {
  text: string;
  id?: number;
  /** In the loss. */
  learned: boolean;
}

/**
 * How a sample is put to the model. To add one: a file with a Template, and its line in registry.ts. Segments are
 * tokenized apart, so that a prompt has the same tokens with and without its answer. The begin token is not the
 * template's business: encoding puts it first, once.
 */
export interface Template {
  id: TemplateId;
  /** Shown to the user. */
  name: string;
  shapes: readonly SampleShape[];
  /** Control tokens that the tokenizer must have. */
  needs: readonly string[];
  /** It also needs the tokens for filling in the middle, whatever the tokenizer calls them. */
  needsFim?: true;
  /** Only for a sample of one of the shapes, and a tokenizer that has what the template needs. */
  render(sample: Sample, special: SpecialTokens): Segment[];
  /** What stands before the answer to an instruction: the very segments that `render` puts there. */
  prompt(instruction: string, input: string, special: SpecialTokens): Segment[];
  /** What ends an answer. */
  end(special: SpecialTokens): SpecialToken;
}

export function plain(text: string): Segment {
  return { text, learned: false };
}

export function learned(text: string): Segment {
  return { text, learned: true };
}

export function control(token: SpecialToken, inLoss: boolean): Segment {
  return { text: token.text, id: token.id, learned: inLoss };
}

/** For templates that have one field for instruction and input. */
export function joinInput(instruction: string, input: string): string {
  return input === "" ? instruction : `${instruction}\n\n${input}`;
}
