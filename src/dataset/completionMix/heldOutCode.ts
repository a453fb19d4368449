import { createHash } from "node:crypto";

/**
 * Finds code that is held out, in a file or in another answer, also where a docstring was taken out or the indentation
 * differs: two lines in a row make a pair, and half of an answer's pairs are the answer.
 */
export class HeldOutCode {
  /** Pair → the answers that it occurs in. */
  private readonly answersOf = new Map<string, number[]>();
  /** Different pairs of each answer. */
  private readonly pairs: number[] = [];

  add(code: string): void {
    const found = piecesOf(code);
    if (found.size === 0) return;
    const answer = this.pairs.push(found.size) - 1;
    for (const piece of found) {
      const known = this.answersOf.get(piece);
      if (known === undefined) this.answersOf.set(piece, [answer]);
      else known.push(answer);
    }
  }

  isIn(text: string): boolean {
    if (this.pairs.length === 0) return false;
    const met = new Map<number, number>();
    for (const piece of new Set([...piecesOf(text), ...wholeLines(text)])) {
      for (const answer of this.answersOf.get(piece) ?? []) {
        const count = (met.get(answer) ?? 0) + 1;
        if (count * 2 >= this.pairs[answer]!) return true;
        met.set(answer, count);
      }
    }
    return false;
  }
}

/** Of a shorter line nothing follows. */
const SHORTEST_LINE = 20;

function significantLines(code: string): string[] {
  return code
    .split(/\r\n?|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** Pairs of lines; of a text with fewer than three its longest line, which a docstring cannot tear apart. */
function piecesOf(code: string): Set<string> {
  const lines = significantLines(code);
  if (lines.length >= 3) return new Set(lines.slice(1).map((line, index) => hash(`${lines[index]}\n${line}`)));
  const longest = lines.reduce((best, line) => (line.length > best.length ? line : best), "");
  return new Set(longest.length >= SHORTEST_LINE ? [hash(longest)] : []);
}

function wholeLines(code: string): string[] {
  return significantLines(code)
    .filter((line) => line.length >= SHORTEST_LINE)
    .map(hash);
}

function hash(text: string): string {
  return createHash("sha1").update(text).digest("base64").slice(0, 12);
}
