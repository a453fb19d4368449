import { argmax, type MinPSampling, margin, sampleMinP } from "./sampling";

/** With float32 weights the logits of several tokens in one run differ from those of one alone by less than this. */
const SAFE_MARGIN = 0.01;

export interface PickerOptions {
  /** Picks a token other than the most likely one; null leaves it at that, then and for the rest of the generation. */
  choose?(logits: Float32Array): number | null;
  /** Greedy unless this is given. */
  sampling?: MinPSampling;
}

/** Picks the tokens of one generation. */
export class TokenPicker {
  /** Whether any token may follow. */
  isFree: boolean;

  constructor(private readonly options: PickerOptions) {
    this.isFree = options.choose === undefined;
  }

  pick(logits: Float32Array): number {
    const { choose, sampling } = this.options;
    const chosen = this.isFree ? null : (choose?.(logits) ?? null);
    if (chosen !== null) return chosen;
    this.isFree = true;
    return sampling === undefined ? argmax(logits) : sampleMinP(logits, sampling);
  }

  /** Whether logits that are rounded otherwise give the same token. A token that is drawn is open in any case. */
  isSure(logits: Float32Array): boolean {
    return this.options.sampling !== undefined || margin(logits) > SAFE_MARGIN;
  }
}
