import type { Tokenizer } from "../dataset/tokenizer";

/**
 * A cursor inside a word splits a token that the model has only ever seen whole: after `retu` it would have to go on with
 * `rn`, which no training text did. So the begun word is taken out of the prompt and generation is held to tokens that
 * write it again. With tiny-python, on lines of the standard library begun inside a word, this made 13 of 100 exact
 * instead of 1. While a word is typed the prompt stays the same, and with it the KV cache.
 */

/** The word that the cursor stands in or the space before it, and what comes before that. A blank line has none. */
export function splitWord(prefix: string): { head: string; word: string } {
  const line = prefix.slice(Math.max(prefix.lastIndexOf("\n"), prefix.lastIndexOf("\r")) + 1);
  // The text after which every tokenizer in use breaks: bounded, so that a long run of letters costs nothing.
  const word = line.trim() === "" ? "" : (/(?: ?[A-Za-z0-9_]{1,48}| )$/.exec(line)?.[0] ?? "");
  return { head: prefix.slice(0, prefix.length - word.length), word };
}

/**
 * Like `splitWord`, but a blank line's indentation is the word: tokens of code hold the last space before a word, so behind
 * a whole indentation a model that only continues is lost. On lines of the standard library tiny-python's loss fell from
 * 1.08 to 0.74 nats a character; where it fills in the middle, by 3 % only.
 */
export function splitIndentation(prefix: string): { head: string; word: string } {
  const indentation = /(?<=^|[\n\r])[ \t]{1,48}$/.exec(prefix.slice(-49))?.[0];
  if (indentation === undefined) return splitWord(prefix);
  return { head: prefix.slice(0, prefix.length - indentation.length), word: indentation };
}

/** The text of every token that is text by itself, found by its first character. */
export class TokenTexts {
  private readonly byFirst = new Map<string, { id: number; text: string }[]>();

  static async of(tokenizer: Pick<Tokenizer, "vocabularySize" | "isControl" | "decode">): Promise<TokenTexts> {
    const texts = new TokenTexts();
    const atOnce = 2048;
    for (let first = 0; first < tokenizer.vocabularySize; first += atOnce) {
      const ids = Array.from({ length: Math.min(atOnce, tokenizer.vocabularySize - first) }, (_, i) => first + i);
      const decoded = await Promise.all(ids.map((id) => (tokenizer.isControl(id) ? "" : tokenizer.decode([id]))));
      decoded.forEach((text, i) => {
        texts.add(first + i, text);
      });
    }
    return texts;
  }

  private add(id: number, text: string): void {
    // Torn characters cannot stand for themselves.
    if (text === "" || text.includes("\ufffd")) return;
    const list = this.byFirst.get(text[0]!);
    if (list) list.push({ id, text });
    else this.byFirst.set(text[0]!, [{ id, text }]);
  }

  /** Tokens that write `text`, its beginning, or `text` and more. */
  writing(text: string): { id: number; text: string }[] {
    const candidates = this.byFirst.get(text[0] ?? "") ?? [];
    const blank = text.trim() === "";
    return candidates.filter((token) => {
      if (!token.text.startsWith(text)) return text.startsWith(token.text);
      // Blanks are to be written as they are: an indentation not deeper, a space not wider.
      return !blank || !/^\s/.test(token.text.slice(text.length));
    });
  }
}

/** Holds the first tokens of one generation to the begun word. */
export class WordHealing {
  private rest: string;

  constructor(
    private readonly texts: TokenTexts,
    word: string,
  ) {
    this.rest = word;
  }

  /** Null: any token may follow. */
  choose(logits: Float32Array): number | null {
    if (this.rest === "") return null;
    let best: { id: number; text: string } | null = null;
    for (const token of this.texts.writing(this.rest)) {
      if (best === null || logits[token.id]! > logits[best.id]!) best = token;
    }
    // A vocabulary that cannot write the word: generation goes its own way, and its text is not offered.
    this.rest = best === null ? "" : this.rest.slice(best.text.length);
    return best?.id ?? null;
  }
}
