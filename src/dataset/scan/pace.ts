/** Keeps a long loop answerable: between two pieces of work it lets signals in and says how far it is. */

const TURN_MS = 20;
const PROGRESS_MS = 100;
/** Characters worked on between two looks at the clock, which costs more than many a row. */
const CLOCK_EVERY = 16 * 1024;

export class Pace {
  private turned = performance.now();
  private told = 0;
  private characters = 0;

  constructor(
    private readonly signal: AbortSignal | undefined,
    private readonly tell: () => void,
  ) {}

  /** Whether `turn` is to be awaited: awaiting it for every row would cost more than the row. */
  due(characters: number): boolean {
    this.characters += characters;
    if (this.characters < CLOCK_EVERY) return false;
    this.characters = 0;
    return performance.now() - this.turned >= TURN_MS;
  }

  /** Throws the signal's reason where it is aborted. */
  async turn(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.signal?.throwIfAborted();
    this.turned = performance.now();
    if (this.turned - this.told < PROGRESS_MS) return;
    this.told = this.turned;
    this.tell();
  }
}
