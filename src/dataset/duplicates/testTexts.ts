/** For tests: rows of texts, and words drawn from a seeded generator. */

import type { TextPart } from "../checks/textPart";

export function row(instruction: string, answer: string, more: { context?: string; system?: string } = {}): TextPart[] {
  const parts: TextPart[] = [];
  if (more.system !== undefined) parts.push({ path: ["system"], text: more.system, role: "system" });
  parts.push({ path: ["instruction"], text: instruction, role: "instruction" });
  if (more.context !== undefined) parts.push({ path: ["input"], text: more.context, role: "context" });
  parts.push({ path: ["output"], text: answer, role: "answer" });
  return parts;
}

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Words of a vocabulary of 5,000. */
export function words(count: number, random: () => number): string[] {
  return Array.from({ length: count }, () => `w${Math.floor(random() * 5000).toString(36)}`);
}

/** Some words replaced, left out or put in: `share` of them, 0 to 1. */
export function mutated(from: readonly string[], share: number, random: () => number): string[] {
  return from.flatMap((word) => {
    if (random() >= share) return [word];
    const kind = random();
    if (kind < 0.34) return [];
    return kind < 0.67 ? words(1, random) : [word, ...words(1, random)];
  });
}

/** Exact Jaccard similarity of the texts' shingles of three words, answers' apart from the others'. */
export function jaccard(a: readonly TextPart[], b: readonly TextPart[]): number {
  const left = shingles(a);
  const right = shingles(b);
  const common = [...left].filter((shingle) => right.has(shingle)).length;
  return common / (left.size + right.size - common);
}

function shingles(parts: readonly TextPart[]): Set<string> {
  const found = new Set<string>();
  for (const { text, role } of parts) {
    const tokens = text.toLowerCase().match(/\w+|[^\w\s]/g) ?? [];
    const kind = role === "answer" ? "answer" : "prompt";
    if (tokens.length > 0 && tokens.length < 3) found.add(`${kind} ${tokens.join(" ")}`);
    for (let at = 0; at + 3 <= tokens.length; at++) found.add(`${kind} ${tokens.slice(at, at + 3).join(" ")}`);
  }
  return found;
}
