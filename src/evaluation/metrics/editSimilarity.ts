/** Words, numbers, runs of white space, and each other character by itself. */
const lexeme = /[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu;
/** Of a longer text only the beginning is compared: the time grows with the product of both lengths. */
export const MOST_LEXEMES = 4000;

/**
 * 1 − Levenshtein distance / length of the longer text, both in lexemes; 1 for equal texts, 0 where nothing is shared.
 * Lexemes, not a model's tokens: figures of runs with different base models can be compared.
 */
export function editSimilarity(left: string, right: string): number {
  const [a, b] = numbered(lexemes(left.trim()), lexemes(right.trim()));
  const longest = Math.max(a.length, b.length);
  return longest === 0 ? 1 : 1 - distance(a, b) / longest;
}

function lexemes(text: string): string[] {
  const found: string[] = [];
  for (const match of text.replaceAll("\r\n", "\n").matchAll(lexeme)) {
    if (found.length === MOST_LEXEMES) break;
    found.push(match[0]);
  }
  return found;
}

/** Numbers compare faster than texts. */
function numbered(left: readonly string[], right: readonly string[]): [Int32Array, Int32Array] {
  const ids = new Map<string, number>();
  const idOf = (text: string) => {
    const known = ids.get(text);
    if (known !== undefined) return known;
    ids.set(text, ids.size);
    return ids.size - 1;
  };
  return [Int32Array.from(left, idOf), Int32Array.from(right, idOf)];
}

/** Levenshtein's, with one row of the table. */
function distance(a: Int32Array, b: Int32Array): number {
  const row = Int32Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    let diagonal = row[0]!;
    row[0] = i;
    for (let j = 1; j <= b.length; j++) {
      const above = row[j]!;
      const replaced = diagonal + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, above + 1, row[j - 1]! + 1);
      diagonal = above;
    }
  }
  return row[b.length]!;
}
