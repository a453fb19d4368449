/**
 * A longer run is smoothed over more steps, so that its curve shows the trend at every length. `smoothing` 1 is what
 * suits its length, 0 none at all.
 */
export function smoothingWindow(totalSteps: number, smoothing = 1): number {
  return smoothing === 0 ? 1 : Math.max(2, Math.round(Math.max(5, totalSteps / 40) * smoothing));
}

/**
 * An exponential mean without the usual pull towards the first value, taken on as points come: appending to the curve
 * never changes what has been drawn.
 */
export class Smoother {
  readonly values: number[] = [];
  readonly #keep: number;
  #weight = 0;
  #sum = 0;

  constructor(window: number) {
    this.#keep = 1 - 2 / (window + 1);
  }

  add(value: number): void {
    this.#weight = this.#weight * this.#keep + 1;
    this.#sum = this.#sum * this.#keep + value;
    this.values.push(this.#sum / this.#weight);
  }
}
