import type { Tokenizer } from "../dataset/tokenizer";

const MOST_TEXTS = 64;

/** By text, in the order of their last use. */
const remembered = new WeakMap<object, Map<string, number[]>>();

/**
 * The tokens of texts that stay the same from key to key: what follows the cursor, code from elsewhere. Remembered, since
 * tokenizing a prompt's thousand tokens takes as long as a few tokens of generation.
 */
export async function tokensOf(texts: readonly string[], tokenizer: Pick<Tokenizer, "encode">): Promise<number[][]> {
  const known = remembered.get(tokenizer) ?? new Map<string, number[]>();
  remembered.set(tokenizer, known);
  const missing = texts.filter((text) => !known.has(text));
  const encoded = missing.length === 0 ? [] : await tokenizer.encode(missing);
  const found = new Map(missing.map((text, i) => [text, encoded[i]!]));
  const ids = texts.map((text) => known.get(text) ?? found.get(text)!);
  texts.forEach((text, i) => {
    known.delete(text);
    known.set(text, ids[i]!);
  });
  for (const [oldest] of known) {
    if (known.size <= MOST_TEXTS) break;
    known.delete(oldest);
  }
  return ids;
}
