import type { Tokenizer } from "../dataset/tokenizer";

/** From `from` on (UTF-16 code units) the text is `text`. */
export interface TextChange {
  from: number;
  text: string;
}

const REPLACEMENT = "\ufffd";
/** A character has at most four bytes: with the first one of it there are at most three that wait. */
const MOST_WAITING = 3;

/**
 * The text of an answer while its tokens come. All tokens so far are decoded together, since what a token stands for may
 * depend on the one before; a character whose last bytes are still to come is held back.
 */
export class AnswerText {
  readonly #ids: number[] = [];
  #shown = "";

  constructor(private readonly tokenizer: Pick<Tokenizer, "decode">) {}

  get tokens(): number {
    return this.#ids.length;
  }

  get text(): string {
    return this.#shown;
  }

  /** Null: nothing new can be shown yet. */
  async add(ids: readonly number[]): Promise<TextChange | null> {
    this.#ids.push(...ids);
    return this.#show(withoutWaiting(await this.tokenizer.decode(this.#ids)));
  }

  /** With what was held back. */
  async finish(): Promise<TextChange | null> {
    return this.#show(await this.tokenizer.decode(this.#ids));
  }

  #show(text: string): TextChange | null {
    if (text === this.#shown) return null;
    const limit = Math.min(text.length, this.#shown.length);
    let from = 0;
    while (from < limit && text.charCodeAt(from) === this.#shown.charCodeAt(from)) from++;
    this.#shown = text;
    return { from, text: text.slice(from) };
  }
}

function withoutWaiting(text: string): string {
  let end = text.length;
  while (end > 0 && text.length - end < MOST_WAITING && text[end - 1] === REPLACEMENT) end--;
  return text.slice(0, end);
}
