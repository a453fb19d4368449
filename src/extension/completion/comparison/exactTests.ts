/** How likely a difference between two sets of counts is to be chance: exact tests, two-sided. Pure. */

/** Outcomes whose probabilities differ by no more than rounding are equally likely. */
const ROUNDING = 1 + 1e-9;

/** ln(0!), ln(1!), …, ln(n!). */
function logFactorials(n: number): Float64Array {
  const logs = new Float64Array(n + 1);
  for (let k = 2; k <= n; k++) logs[k] = logs[k - 1]! + Math.log(k);
  return logs;
}

/**
 * Fisher's exact test: the probability, where both sides have the same chance of success, of a table with these sums that
 * is at most as likely as the one seen. `successes` of `cases` each, whole numbers; 1 where a side has no cases.
 */
export function fisherExact(
  one: { successes: number; cases: number },
  other: { successes: number; cases: number },
): number {
  const cases = one.cases + other.cases;
  const successes = one.successes + other.successes;
  const logs = logFactorials(cases);
  const choose = (n: number, k: number) => logs[n]! - logs[k]! - logs[n - k]!;
  const all = choose(cases, successes);
  const probability = (k: number) => Math.exp(choose(one.cases, k) + choose(other.cases, successes - k) - all);
  const least = Math.max(0, successes - other.cases);
  const most = Math.min(one.cases, successes);
  return sumOfUnlikely(least, most, one.successes, probability);
}

/** The exact binomial test against a half: as many outcomes, each with even chances, that are at most as likely. */
export function binomialHalf(successes: number, cases: number): number {
  const logs = logFactorials(cases);
  const probability = (k: number) => Math.exp(logs[cases]! - logs[k]! - logs[cases - k]! - cases * Math.LN2);
  return sumOfUnlikely(0, cases, successes, probability);
}

function sumOfUnlikely(least: number, most: number, seen: number, probability: (k: number) => number): number {
  const limit = probability(seen) * ROUNDING;
  let sum = 0;
  for (let k = least; k <= most; k++) {
    const p = probability(k);
    if (p <= limit) sum += p;
  }
  return Math.min(1, sum);
}
