import type { KvCache } from "./kvCache";
import { lookUpDraft } from "./promptLookup";

/** Runs `ids` after what the cache holds and gives the logits [ids.length, vocabulary] of all of them. */
type Run = (cache: KvCache, ids: readonly number[]) => Promise<Float32Array>;

/**
 * How many tokens to guess: more while guesses hold, fewer while they do not. Code that repeats itself and code that does not
 * come in stretches longer than one completion, so that this outlives a sequence.
 */
export class DraftLength {
  private length = 2;

  /** At least 1: what is never tried is never found to hold. */
  get value(): number {
    return this.length;
  }

  /** Of `drafted` tokens `held` were right. */
  learn(drafted: number, held: number): void {
    if (drafted === 0) return;
    if (held === drafted) this.length += 1;
    else if (2 * held < drafted) this.length = Math.max(1, this.length - 1);
    this.length = Math.min(this.length, LONGEST_DRAFT);
  }
}

const LONGEST_DRAFT = 6;

/**
 * The logits after each token of a growing sequence. Tokens are guessed from what the sequence held before and computed
 * together with the one that is known; as long as the guesses hold, the next logits are there already.
 */
export class DraftedSequence {
  /** Tokens that were guessed, and those of them that held. */
  drafted = 0;
  accepted = 0;
  private readonly tokens: number[];
  private guess: number[] = [];
  /** Tokens of the guess that have held. */
  private held = 0;
  private rows: Float32Array = new Float32Array();

  constructor(
    private readonly cache: KvCache,
    prompt: readonly number[],
    private readonly run: Run,
    private readonly vocabularySize: number,
    private readonly length: DraftLength,
  ) {
    this.tokens = [...prompt];
  }

  /**
   * The logits after `token`, the sequence's next. At most `most` tokens are guessed. Several tokens in one run are rounded
   * otherwise than one alone: logits that `isSure` doubts are computed again by themselves, so that guessing does not change
   * what is generated.
   */
  async follow(token: number, most: number, isSure: (logits: Float32Array) => boolean): Promise<Float32Array> {
    this.tokens.push(token);
    if (this.held < this.guess.length && this.guess[this.held] === token) {
      this.held += 1;
      this.accepted += 1;
      const row = this.row();
      return isSure(row) ? row : this.compute(token, 0);
    }
    const row = await this.compute(token, most);
    return this.guess.length === 0 || isSure(row) ? row : this.compute(token, 0);
  }

  /** The logits after `token`, with a guess at what follows. */
  private async compute(token: number, most: number): Promise<Float32Array> {
    this.length.learn(this.guess.length, this.held);
    this.cache.truncate(this.tokens.length - 1);
    this.guess = lookUpDraft(this.tokens, Math.min(most, this.length.value));
    this.held = 0;
    this.drafted += this.guess.length;
    this.rows = await this.run(this.cache, [token, ...this.guess]);
    return this.row();
  }

  private row(): Float32Array {
    return this.rows.subarray(this.held * this.vocabularySize, (this.held + 1) * this.vocabularySize);
  }
}
