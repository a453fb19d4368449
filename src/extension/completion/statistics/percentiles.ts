/** Of a set of measurements, in their unit. */
export interface Percentiles {
  p50: number;
  p95: number;
  /** How many there were. */
  of: number;
}

/** The smallest value that at least so many hundredths of all do not exceed (nearest rank); null where there are none. */
export function percentiles(values: readonly number[]): Percentiles | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
  return { p50: at(0.5), p95: at(0.95), of: sorted.length };
}
