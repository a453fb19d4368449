/** An n-gram this long must have occurred before: shorter ones guess wrong too often. */
const LONGEST_NGRAM = 4;
const SHORTEST_NGRAM = 2;

/**
 * What followed the last tokens when they stood in the sequence before (prompt-lookup decoding, Saxena 2023): up to `most`
 * tokens, none where they are new. The longest n-gram and of it the latest occurrence counts.
 */
export function lookUpDraft(sequence: readonly number[], most: number): number[] {
  const end = sequence.length;
  if (most < 1) return [];
  let best = -1;
  let bestLength = SHORTEST_NGRAM - 1;
  for (let at = end - 2; at >= 0 && bestLength < LONGEST_NGRAM; --at) {
    let length = 0;
    while (length < LONGEST_NGRAM && length <= at && sequence[at - length] === sequence[end - 1 - length]) ++length;
    if (length > bestLength) {
      bestLength = length;
      best = at;
    }
  }
  return best === -1 ? [] : sequence.slice(best + 1, Math.min(best + 1 + most, end));
}
