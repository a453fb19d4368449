/** Long work in slices: between them the event loop serves edits and requests. */

const SLICE_MS = 12;

/** Thrown where work was given up because it is out of date. */
export class Cancelled extends Error {}

export class Slices {
  private started = performance.now();

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
  get due(): boolean {
    return performance.now() - this.started >= SLICE_MS;
  }
}
