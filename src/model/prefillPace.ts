/** A run cannot be interrupted: a chunk of a prompt should be over within this, so that a cancel is heard. */
const LONGEST_MS = 50;
/** At Llama-3.2-1B's shape (int4) chunks of 16 cost 4 % more processor time than chunks of 64, chunks of 8 cost 20 %. */
const SMALLEST = 16;
/** More bring nothing: the cores are busy. */
const LARGEST = 256;

/** How many tokens of a prompt are computed at once, by the speed of the chunks before. */
export class PrefillPace {
  private msPerToken: number | null = null;

  /** Tokens of the next chunk. Before the first one the speed is unknown. */
  get chunk(): number {
    if (this.msPerToken === null) return SMALLEST;
    let size = SMALLEST;
    while (size < LARGEST && 2 * size * this.msPerToken <= LONGEST_MS) size *= 2;
    return size;
  }

  took(tokens: number, milliseconds: number): void {
    // Short runs say more about a run's fixed cost than about a token's.
    if (tokens < SMALLEST) return;
    const measured = milliseconds / tokens;
    this.msPerToken = this.msPerToken === null ? measured : 0.7 * this.msPerToken + 0.3 * measured;
  }
}
