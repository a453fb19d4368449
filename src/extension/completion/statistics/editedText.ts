/** Places in a text that is being edited, and how alike two texts are. Pure. */

/** One replacement, as an editor tells of it: offsets in the text before it. */
export interface TextChange {
  offset: number;
  /** Characters that went. */
  length: number;
  text: string;
}

export interface TextRange {
  start: number;
  end: number;
}

/** Where an offset is after a change; null: what stood there has gone. Text put in at the offset comes after it. */
export function moveOffset(offset: number, { offset: from, length, text }: TextChange): number | null {
  if (from >= offset) return offset;
  if (from + length > offset) return null;
  return offset + text.length - length;
}

/**
 * Where a range is after a change. What is put in at its edges does not belong to it; what is replaced over an edge is
 * taken out of it.
 */
export function moveRange({ start, end }: TextRange, { offset, length, text }: TextChange): TextRange {
  const changeEnd = offset + length;
  const growth = text.length - length;
  if (offset >= end) return { start, end };
  if (changeEnd <= start) return { start: start + growth, end: end + growth };
  if (offset < start) {
    const begin = offset + text.length;
    return { start: begin, end: Math.max(begin, end + growth) };
  }
  if (changeEnd > end) return { start, end: offset };
  return { start, end: end + growth };
}

/** Longer texts are compared by their beginning: the time taken grows with the square. */
const COMPARED_CHARACTERS = 2000;

/** 1 − (fewest insertions, deletions and replacements of a character) / (the longer one's length); 1: equal. */
export function textSimilarity(one: string, other: string): number {
  if (one === other) return 1;
  const [a, b] = [one.slice(0, COMPARED_CHARACTERS), other.slice(0, COMPARED_CHARACTERS)];
  const longer = Math.max(a.length, b.length);
  return longer === 0 ? 1 : 1 - distance(a, b) / longer;
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
