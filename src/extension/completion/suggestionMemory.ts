import { coveredClosers } from "./closingBrackets";
import type { Surroundings } from "./whatIsWanted";

export interface Remembered {
  id: string;
  /** Folder of the export that made it. */
  model: string;
  /** Asked for before it was wanted. */
  ahead: boolean;
  /** What stood before the cursor. */
  prefix: string;
  text: string;
  /** What stood behind it, without what the text replaces. */
  tail: string;
}

/** What is left of a suggestion at a cursor. */
export interface Recalled {
  entry: Remembered;
  text: string;
  /** Closers behind the cursor that the text replaces. */
  covered: number;
}

const PER_DOCUMENT = 8;
const DOCUMENTS = 8;
/** Of a long file only so much around the cursor is looked at, and the window moves on as the user types. */
const ENOUGH_BEFORE = 4000;
const ENOUGH_BEHIND = 2000;

/**
 * Suggestions that were made, the newest first, of the documents last used. One still fits where the user has typed its
 * beginning, or has gone back into it: then the model need not be asked again. Line ends are \n throughout.
 */
export class SuggestionMemory {
  readonly #documents = new Map<string, Remembered[]>();

  remember(document: string, entry: Remembered): void {
    const others = (this.#documents.get(document) ?? []).filter(
      ({ prefix, tail }) => prefix !== entry.prefix || tail !== entry.tail,
    );
    this.#documents.delete(document);
    this.#documents.set(document, [entry, ...others].slice(0, PER_DOCUMENT));
    const [oldest] = this.#documents.keys();
    if (this.#documents.size > DOCUMENTS && oldest !== undefined) this.#documents.delete(oldest);
  }

  /** The longest of what fits of the newest that does; null: nothing does. */
  recall(document: string, around: Surroundings): Recalled | null {
    for (const entry of this.#documents.get(document) ?? []) {
      const text = rest(entry, around.prefix);
      const covered = text === null ? null : coveredBefore(entry.tail, around.suffix, text);
      if (text !== null && covered !== null) return { entry, text, covered };
    }
    return null;
  }

  forget(document: string): void {
    this.#documents.delete(document);
  }

  clear(): void {
    this.#documents.clear();
  }
}

/** What the user has not typed yet of a suggestion; null: something else was typed, or all of it. */
function rest({ prefix, text }: Remembered, now: string): string | null {
  for (let typed = 0; typed < text.length; typed++) {
    if (typed > 0 && now.at(-1) !== text[typed - 1]) continue;
    if (now.length < typed || !now.endsWith(text.slice(0, typed))) continue;
    if (isSameBefore(prefix, now.slice(0, now.length - typed))) return text.slice(typed);
  }
  return null;
}

/** Whether both end alike. */
function isSameBefore(one: string, other: string): boolean {
  if (one.length === other.length) return one === other;
  const [shorter, longer] = one.length < other.length ? [one, other] : [other, one];
  return shorter.length >= ENOUGH_BEFORE && longer.endsWith(shorter);
}

/** How many closers stand before `tail` that the text replaces; null: something else has changed behind the cursor. */
function coveredBefore(tail: string, suffix: string, text: string): number | null {
  const [line = ""] = suffix.split("\n", 1);
  const covered = coveredClosers(text, line);
  return isSameBehind(tail, suffix.slice(covered)) ? covered : null;
}

function isSameBehind(one: string, other: string): boolean {
  if (one.length === other.length) return one === other;
  const [shorter, longer] = one.length < other.length ? [one, other] : [other, one];
  return shorter.length >= ENOUGH_BEHIND && longer.startsWith(shorter);
}
