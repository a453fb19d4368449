/** How a token is drawn other than greedily. */
export interface MinPSampling {
  /** Above 0. */
  temperature: number;
  /** Tokens less likely than this share of the likeliest one are left out (min-p, Nguyen et al. 2024). */
  minP: number;
  /** Uniform in [0, 1). */
  random(): number;
}

export function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; ++i) if (values[i]! > values[best]!) best = i;
  return best;
}

/** How far the largest value lies above the second largest. */
export function margin(values: Float32Array): number {
  let first = Number.NEGATIVE_INFINITY;
  let second = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value > first) {
      second = first;
      first = value;
    } else if (value > second) second = value;
  }
  return first - second;
}

/** A token among those that are at least `minP` times as likely as the likeliest, at temperature 1; then by `temperature`. */
export function sampleMinP(logits: Float32Array, { temperature, minP, random }: MinPSampling): number {
  const largest = logits[argmax(logits)]!;
  const least = largest + Math.log(minP);
  const kept: { id: number; weight: number }[] = [];
  let sum = 0;
  for (let id = 0; id < logits.length; ++id) {
    if (logits[id]! < least) continue;
    const weight = Math.exp((logits[id]! - largest) / temperature);
    kept.push({ id, weight });
    sum += weight;
  }
  let rest = random() * sum;
  for (const { id, weight } of kept) {
    rest -= weight;
    if (rest < 0) return id;
  }
  return kept.at(-1)!.id;
}
