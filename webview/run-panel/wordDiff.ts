/** What of two texts is the same, word by word: a longest common subsequence after Hirschberg (1975), in linear memory. */

export interface DiffPart {
  kind: "same" | "removed" | "added";
  text: string;
}

/** Comparisons of words; texts that would take more are told as wholly different between what they begin and end with. */
const MOST_COMPARISONS = 4_000_000;

/** From `before` to `after`; neighbours are of different kinds, and what was removed comes before what was added. */
export function wordDiff(before: string, after: string): DiffPart[] {
  const [a, b] = [wordsOf(before), wordsOf(after)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const parts: DiffPart[] = [];
  add(parts, "same", a.slice(0, start));
  const [left, right] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  if (left.length * right.length > MOST_COMPARISONS) replace(parts, left, right);
  else compare(parts, left, right);
  add(parts, "same", a.slice(a.length - end));
  return withoutScraps(inOrder(parts));
}

/**
 * What is the same only by chance, a bracket or a word between larger changes, makes two texts harder to read than to
 * read them apart: it counts as changed (the semantic clean-up of Fraser's diff-match-patch).
 */
function withoutScraps(parts: DiffPart[]): DiffPart[] {
  for (let current = parts; ; ) {
    const changedAround = changesAround(current);
    const kept = current.flatMap((part, index): DiffPart[] => {
      const { before, after } = changedAround[index]!;
      if (part.kind !== "same" || part.text.length > Math.min(before, after)) return [part];
      const { text } = part;
      return [
        { kind: "removed", text },
        { kind: "added", text },
      ];
    });
    if (kept.length === current.length) return current;
    current = inOrder(kept);
  }
}

/** Of each part: how long the larger change right before it is, and the larger one right after it. */
function changesAround(parts: readonly DiffPart[]): { before: number; after: number }[] {
  const lengthAt = (index: number) => {
    const part = parts[index];
    return part === undefined || part.kind === "same" ? 0 : part.text.length;
  };
  return parts.map((_, index) => ({
    before: Math.max(lengthAt(index - 1), parts[index - 1]?.kind === "added" ? lengthAt(index - 2) : 0),
    after: Math.max(lengthAt(index + 1), parts[index + 1]?.kind === "removed" ? lengthAt(index + 2) : 0),
  }));
}

/** Words, stretches of white space, and every other character by itself. */
function wordsOf(text: string): string[] {
  return text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];
}

function compare(parts: DiffPart[], a: readonly string[], b: readonly string[]): void {
  if (a.length === 0 || b.length === 0) {
    replace(parts, a, b);
    return;
  }
  if (a.length === 1) {
    const at = b.indexOf(a[0]!);
    if (at < 0) replace(parts, a, b);
    else {
      add(parts, "added", b.slice(0, at));
      add(parts, "same", a);
      add(parts, "added", b.slice(at + 1));
    }
    return;
  }
  const middle = a.length >> 1;
  const forward = commonLengths(a.slice(0, middle), b);
  const backward = commonLengths(a.slice(middle).reverse(), [...b].reverse());
  let cut = 0;
  for (let at = 1; at <= b.length; at++) {
    if (forward[at]! + backward[b.length - at]! > forward[cut]! + backward[b.length - cut]!) cut = at;
  }
  compare(parts, a.slice(0, middle), b.slice(0, cut));
  compare(parts, a.slice(middle), b.slice(cut));
}

/** Of each beginning of `b`: how much it has in common with all of `a`. */
function commonLengths(a: readonly string[], b: readonly string[]): Uint32Array {
  let row = new Uint32Array(b.length + 1);
  let next = new Uint32Array(b.length + 1);
  for (const word of a) {
    for (let at = 1; at <= b.length; at++) {
      next[at] = word === b[at - 1] ? row[at - 1]! + 1 : Math.max(row[at]!, next[at - 1]!);
    }
    [row, next] = [next, row];
  }
  return row;
}

function replace(parts: DiffPart[], a: readonly string[], b: readonly string[]): void {
  add(parts, "removed", a);
  add(parts, "added", b);
}

function add(parts: DiffPart[], kind: DiffPart["kind"], words: readonly string[]): void {
  if (words.length > 0) parts.push({ kind, text: words.join("") });
}

/** Between two stretches that are the same, all that was removed as one, then all that was added. */
function inOrder(parts: readonly DiffPart[]): DiffPart[] {
  const ordered: DiffPart[] = [];
  let removed = "";
  let added = "";
  const flush = () => {
    if (removed !== "") ordered.push({ kind: "removed", text: removed });
    if (added !== "") ordered.push({ kind: "added", text: added });
    removed = "";
    added = "";
  };
  for (const { kind, text } of parts) {
    if (kind === "removed") removed += text;
    else if (kind === "added") added += text;
    else {
      flush();
      const last = ordered.at(-1);
      if (last?.kind === "same") last.text += text;
      else ordered.push({ kind, text });
    }
  }
  flush();
  return ordered;
}
