/** Long enough to be steady, short enough to show that a connection got slower. */
const WINDOW_MS = 10_000;

/** How fast bytes come, over the last ten seconds. */
export class TransferRate {
  readonly #samples: { time: number; bytes: number }[] = [];

  /** `bytes`: how many have come in all; `time`: milliseconds of any clock. */
  add(bytes: number, time: number): void {
    this.#samples.push({ time, bytes });
    while (this.#samples.length > 2 && this.#samples[0]!.time < time - WINDOW_MS) this.#samples.shift();
  }

  /** Bytes a second; null until it can be said. */
  get perSecond(): number | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.time <= first.time) return null;
    return Math.max(0, ((last.bytes - first.bytes) / (last.time - first.time)) * 1000);
  }
}
