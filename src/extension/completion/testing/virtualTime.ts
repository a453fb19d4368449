/** Time that passes only when it is told to. */
export class VirtualTime {
  #now = 0;
  readonly #timers = new Set<{ at: number; wake: () => void }>();

  get now(): number {
    return this.#now;
  }

  /** Resolves after the time, or at once when the signal aborts. */
  wait(milliseconds: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        this.#timers.delete(timer);
        signal?.removeEventListener("abort", end);
        resolve();
      };
      const timer = { at: this.#now + milliseconds, wake: end };
      this.#timers.add(timer);
      signal?.addEventListener("abort", end, { once: true });
    });
  }

  async pass(milliseconds: number): Promise<void> {
    const until = this.#now + milliseconds;
    for (;;) {
      await settle();
      const due = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#now = Math.max(this.#now, due.at);
      due.wake();
    }
    this.#now = until;
  }
}

/** Lets everything happen that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await Promise.resolve();
}
