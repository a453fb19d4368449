/** Which of the gathered pieces go with a request. Pure. */
import type { ContextSnippet } from "../../../protocol/worker";
import type { Hunk } from "./recentEdits";
import type { SimilarWindow } from "./similarCode";

const MOST_EDITS = 3;
export const MOST_SIMILAR = 2;
/** A piece that was chosen before stays until another is better by so much: each change costs the whole KV cache. */
const BETTER_BY = 1.5;

export interface Gathered {
  definitions: readonly ContextSnippet[];
  edits: readonly Hunk[];
  /** The most similar first. */
  similar: readonly SimilarWindow[];
}

/** Definitions change least, similar code with the cursor's place: in this order the prompt's beginning stays longest. */
export function chooseSnippets({ definitions, edits, similar }: Gathered): ContextSnippet[] {
  const snippets: ContextSnippet[] = [
    ...definitions,
    ...edits.slice(0, MOST_EDITS).map(({ path, text }) => ({ kind: "edit" as const, path, text })),
    ...similar.slice(0, MOST_SIMILAR).map(({ path, text }) => ({ kind: "similar" as const, path, text })),
  ];
  const seen = new Set<string>();
  return snippets.filter(({ text }) => {
    const key = text.trim();
    if (key === "" || seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** The similar windows to go on with: the ones before, as long as they are nearly as good as the best there are now. */
export function keepSimilar(before: readonly SimilarWindow[], now: readonly SimilarWindow[]): readonly SimilarWindow[] {
  if (before.length === 0 || now.length === 0) return now;
  const key = ({ path, line }: SimilarWindow) => `${path}:${line}`;
  const known = new Map(now.map((window) => [key(window), window]));
  // A piece whose file has changed has another text: then it is new.
  const kept = before.flatMap((window) => {
    const same = known.get(key(window));
    return same !== undefined && same.text === window.text ? [same] : [];
  });
  const worst = Math.min(...kept.map(({ similarity }) => similarity));
  const best = now[0]!.similarity;
  return kept.length === before.length && best < worst * BETTER_BY ? before : now;
}
