/** Long work in slices: between them the event loop serves edits and requests. */

const SLICE_MS = 12;
/** Characters worked on between two looks at the clock, which costs more than many a small piece of work. */
const CLOCK_EVERY = 4096;

/** Thrown where work was given up because it is out of date. */
export class Cancelled extends Error {}

export class Slices {
  private started = performance.now();
  private characters = 0;

  constructor(private readonly signal: AbortSignal) {}

  /** To be awaited between two pieces of work. Yields when the slice is used up; throws Cancelled when aborted. */
  async next(): Promise<void> {
    if (performance.now() - this.started >= SLICE_MS) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      this.started = performance.now();
    }
    if (this.signal.aborted) throw new Cancelled();
  }

  /** True when `next` would yield: awaiting it for every small piece would cost more than the piece. */
  due(characters: number): boolean {
    this.characters += characters;
    if (this.characters < CLOCK_EVERY) return false;
    this.characters = 0;
    return performance.now() - this.started >= SLICE_MS;
  }
}
