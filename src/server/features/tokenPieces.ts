/** Which stretch of a text each of its tokens stands for. Vocabularies spell tokens in ways of their own: they are decoded. */

import type { Tokenizer } from "../../dataset/tokenizer";
import type { TokenPiece } from "../../protocol/datasetView";

/** A character takes four bytes at most, each of which may be a token; what is not found in so many never will be. */
const MOST_JOINED = 8;

/**
 * `known`: the texts of tokens that were decoded before, by id; it grows. Null where the tokens cannot be told apart, as
 * where the tokenizer changes the text.
 */
export async function tokenPieces(
  text: string,
  ids: readonly number[],
  tokenizer: Pick<Tokenizer, "decode">,
  known: Map<number, string>,
): Promise<TokenPiece[] | null> {
  const pieces: TokenPiece[] = [];
  let at = 0;
  let waiting: number[] = [];
  for (const id of ids) {
    waiting.push(id);
    const decoded = waiting.length === 1 ? await decodeOne(id, tokenizer, known) : await tokenizer.decode(waiting);
    const found = stretchAt(text, at, decoded);
    if (found === null) {
      if (waiting.length >= MOST_JOINED) return null;
      continue;
    }
    pieces.push({ text: found, ids: waiting });
    at += found.length;
    waiting = [];
  }
  return at === text.length && waiting.length === 0 ? pieces : null;
}

async function decodeOne(
  id: number,
  tokenizer: Pick<Tokenizer, "decode">,
  known: Map<number, string>,
): Promise<string> {
  const before = known.get(id);
  if (before !== undefined) return before;
  const decoded = await tokenizer.decode([id]);
  known.set(id, decoded);
  return decoded;
}

/** Null: the text does not go on with it, or it is a part of a character. */
function stretchAt(text: string, at: number, decoded: string): string | null {
  if (decoded !== "" && text.startsWith(decoded, at)) return decoded;
  // A token that begins a word is decoded without the space before it by some tokenizers, as if it began the text.
  const spaced = ` ${decoded}`;
  return text.startsWith(spaced, at) ? spaced : null;
}
