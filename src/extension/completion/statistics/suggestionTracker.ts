import { createHash } from "node:crypto";
import { moveOffset, moveRange, type TextChange, type TextRange, textSimilarity } from "./editedText";
import type { TakenHow } from "./events";
import { endsLine, isPair, isTypedAlong, withPlainLineEnds } from "./takenText";

/** A suggestion as it was handed to the editor. `offset`: of the cursor, in the document as the editor holds it. */
export interface OfferedText {
  id: string;
  document: string;
  offset: number;
  text: string;
}

export interface TrackerEvents {
  accepted(id: string, how: TakenHow, characters: number): void;
  kept(id: string, similarity: number): void;
  /** What was taken is to be judged some time from now. */
  judgeLater(id: string): void;
}

interface Suggestion {
  id: string;
  document: string;
  /** From where it was first offered on, with plain line ends. */
  text: string;
  /** Where it begins in the document; null: what stood around it has gone. */
  start: number | null;
  /** Characters of it that are in the document, and where they end there. */
  taken: number;
  position: number;
  /** Where the last change began that put in all the rest; the editor says next whether that was the item being taken. */
  rest: Place | null;
}

/** The same place in a suggestion and in its document. */
interface Place {
  taken: number;
  position: number;
}

interface Watched {
  document: string;
  /** Where in the suggestion the taken part begins. */
  from: number;
  text: string;
  range: TextRange;
  /** How much of what was taken is in `text`: less than all only where an earlier window has watched it before. */
  similarity: number;
}

/** What is to be judged, for a window that comes after this one: where it stands, and nothing of the text. */
export interface LeftToJudge {
  id: string;
  document: string;
  range: TextRange;
  /** What stands there now, by its digest, and how like it is to what was taken. */
  digest: string;
  similarity: number;
}

/** Suggestions that the editor may still accept, of all documents together. */
const REMEMBERED = 64;

/**
 * Follows suggestions through the edits of their documents: what of them is taken, as a whole, by the word or by the
 * line, and how much of that is left a while later. It knows only what an editor tells everyone: the changes, and that an
 * accepted item's command was run. Pure.
 */
export class SuggestionTracker {
  readonly #suggestions = new Map<string, Suggestion>();
  /** Of each document the one offered last: only that is in sight. */
  readonly #last = new Map<string, Suggestion>();
  readonly #watched = new Map<string, Watched>();

  constructor(private readonly events: TrackerEvents) {}

  /** True: a new suggestion; false: the rest of the last one, offered again where the user has typed along it or back. */
  offered({ id, document, offset, text }: OfferedText): boolean {
    const plain = withPlainLineEnds(text);
    const last = this.#last.get(document);
    if (last !== undefined && last.position === offset && last.text.slice(last.taken) === plain) {
      // A new name for it: the editor runs the command of the item that it got last.
      this.#remember(id, last);
      return false;
    }
    const suggestion = { id, document, text: plain, start: offset, taken: 0, position: offset, rest: null };
    this.#remember(id, suggestion);
    this.#last.set(document, suggestion);
    return true;
  }

  #remember(id: string, suggestion: Suggestion): void {
    this.#suggestions.delete(id);
    this.#suggestions.set(id, suggestion);
    if (this.#suggestions.size <= REMEMBERED) return;
    const [oldest] = this.#suggestions.keys();
    this.#suggestions.delete(oldest!);
  }

  /** The editor has run the command of an accepted item. `documentText`: as it is now. */
  accepted(id: string, documentText: string): void {
    const suggestion = this.#suggestions.get(id);
    if (suggestion === undefined) return;
    this.#drop(suggestion);
    const place = suggestion.rest ?? placeOf(suggestion, documentText);
    this.events.accepted(suggestion.id, "whole", suggestion.text.length - (place?.taken ?? suggestion.taken));
    if (place === null) return;
    const end = endOfText(documentText, place.position, suggestion.text.slice(place.taken));
    if (end !== null) this.#watch(suggestion, place, { taken: suggestion.text.length, position: end });
  }

  #drop(suggestion: Suggestion): void {
    for (const [id, known] of [...this.#suggestions]) if (known === suggestion) this.#suggestions.delete(id);
    if (this.#last.get(suggestion.document) === suggestion) this.#last.delete(suggestion.document);
  }

  /** Edits of a document, in the order in which they are applied. */
  changed(document: string, changes: readonly TextChange[]): void {
    for (const change of changes) {
      for (const watched of this.#watched.values()) {
        if (watched.document === document) watched.range = moveRange(watched.range, change);
      }
      const last = this.#last.get(document);
      if (last !== undefined) this.#follow(last, change);
      for (const suggestion of new Set(this.#suggestions.values())) {
        if (suggestion.document === document && suggestion.start !== null) {
          suggestion.start = moveOffset(suggestion.start, change);
        }
      }
    }
  }

  #follow(suggestion: Suggestion, change: TextChange): void {
    const { position, taken, start } = suggestion;
    const end = change.offset + change.length;
    suggestion.rest = null;
    if (change.offset > position) return;
    if (change.offset === position) this.#advance(suggestion, change);
    else if (start !== null && end <= start) suggestion.position += change.text.length - change.length;
    // A line's end may be two characters in the document; then what is left cannot be told, and nothing is guessed.
    else if (change.text === "" && end === position && change.length <= taken && position - (start ?? NaN) === taken) {
      suggestion.taken -= change.length;
      suggestion.position -= change.length;
    } else this.#last.delete(suggestion.document);
  }

  #advance(suggestion: Suggestion, change: TextChange): void {
    const before = { taken: suggestion.taken, position: suggestion.position };
    const rest = suggestion.text.slice(before.taken);
    const put = withPlainLineEnds(change.text);
    const pair = isPair(put);
    if (put === "" || !rest.startsWith(pair ? put.slice(0, 1) : put)) {
      this.#last.delete(suggestion.document);
      return;
    }
    suggestion.taken += pair ? 1 : put.length;
    suggestion.position += pair ? 1 : change.text.length;
    if (put === rest) suggestion.rest = before;
    else if (!pair && !isTypedAlong(put)) {
      this.events.accepted(suggestion.id, endsLine(put) ? "line" : "word", put.length);
      this.#watch(suggestion, before, suggestion);
    }
  }

  #watch({ id, document, text }: Suggestion, from: Place, to: Place): void {
    const known = this.#watched.get(id);
    const begin = known?.from ?? from.taken;
    const start = known?.range.start ?? from.position;
    const range = { start, end: to.position };
    this.#watched.set(id, { document, from: begin, text: text.slice(begin, to.taken), range, similarity: 1 });
    this.events.judgeLater(id);
  }

  /** `textOf`: of a document as it is now. */
  leftToJudge(textOf: (document: string) => string | undefined): LeftToJudge[] {
    return [...this.#watched].flatMap(([id, { document, text, range, similarity }]) => {
      const all = textOf(document);
      if (all === undefined) return [];
      const now = withPlainLineEnds(all.slice(range.start, range.end));
      return [{ id, document, range, digest: digestOf(now), similarity: similarity * textSimilarity(text, now) }];
    });
  }

  /** Goes on with what an earlier window was to judge; false: it no longer stands where it was left. */
  goOn({ id, document, range, digest, similarity }: LeftToJudge, documentText: string): boolean {
    const text = withPlainLineEnds(documentText.slice(range.start, range.end));
    if (digestOf(text) !== digest) return false;
    this.#watched.set(id, { document, from: 0, text, range, similarity });
    return true;
  }

  isWatching(document: string): boolean {
    return [...this.#watched.values()].some((watched) => watched.document === document);
  }

  /** Compares what was taken with what stands there now. */
  judge(id: string, documentText: string): void {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    this.#watched.delete(id);
    const { text, range, similarity } = watched;
    const now = withPlainLineEnds(documentText.slice(range.start, range.end));
    this.events.kept(id, similarity * textSimilarity(text, now));
  }

  /** The document of a suggestion that may still be accepted. */
  offeredIn(id: string): string | undefined {
    return this.#suggestions.get(id)?.document;
  }

  /** The document of one that is to be judged. */
  watchedIn(id: string): string | undefined {
    return this.#watched.get(id)?.document;
  }

  /** What is left of a document that is closed is judged at once, by its last text. */
  closed(document: string, documentText: () => string): void {
    for (const [id, watched] of [...this.#watched]) if (watched.document === document) this.judge(id, documentText());
    this.#last.delete(document);
    for (const [id, suggestion] of [...this.#suggestions]) {
      if (suggestion.document === document) this.#suggestions.delete(id);
    }
  }
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Where the taken part of a suggestion ends, by the document's own text; null: it no longer stands there. */
function placeOf({ start, text, taken }: Suggestion, documentText: string): Place | null {
  if (start === null) return null;
  const position = endOfText(documentText, start, text.slice(0, taken));
  return position === null ? null : { taken, position };
}

/** Where `text` ends that begins at `start`, whatever the document's line ends are; null: it is not there. */
function endOfText(documentText: string, start: number, text: string): number | null {
  let at = start;
  for (const character of text) {
    if (character === "\n" && documentText[at] === "\r") at++;
    if (!documentText.startsWith(character, at)) return null;
    at += character.length;
  }
  return at;
}
