import type { TextChange, TextRange } from "./statistics/editedText";
import { isPair } from "./statistics/takenText";

/** Nothing but this behind the cursor: there is no tab stop left that a suggestion could reach over. */
const STOPS_MAY_FOLLOW = /[^)\]}"' \t]/;

/**
 * Where snippets are being filled in. VS Code tells no extension, but shows it: text is put in at one go and the cursor,
 * or a selection, comes to stand within it instead of at its end. What is mistaken for a snippet only has its closing
 * brackets left where they are. Pure; offsets are the document's.
 */
export class SnippetRegions {
  readonly #regions = new Map<string, TextRange>();
  /** What was put in last, for as long as it is not known where the cursor is then. */
  #putIn: { document: string; range: TextRange } | null = null;

  /** `undone`: by undo or redo. */
  changed(document: string, changes: readonly TextChange[], undone: boolean): void {
    for (const change of changes) this.#follow(document, change);
    const [only] = changes;
    this.#putIn = null;
    if (only === undefined || changes.length > 1 || undone || only.text.length < 2 || isPair(only.text)) return;
    this.#putIn = { document, range: { start: only.offset, end: only.offset + only.text.length } };
  }

  #follow(document: string, { offset, length, text }: TextChange): void {
    const region = this.#regions.get(document);
    if (region === undefined || offset > region.end) return;
    const growth = text.length - length;
    if (offset >= region.start && offset + length <= region.end) region.end += growth;
    else if (offset + length <= region.start) {
      region.start += growth;
      region.end += growth;
    } else this.#regions.delete(document);
  }

  /** Of the selections the first. */
  selected(document: string, { start, end }: TextRange): void {
    const putIn = this.#putIn?.document === document ? this.#putIn.range : null;
    this.#putIn = null;
    const region = this.#regions.get(document);
    // A snippet within a snippet belongs to the outer one.
    if (region !== undefined && start >= region.start && end <= region.end) return;
    this.#regions.delete(document);
    if (putIn !== null && start >= putIn.start && end <= putIn.end && start < putIn.end) {
      this.#regions.set(document, { ...putIn });
    }
  }

  /** Whether tab stops may follow the cursor, which what replaces text behind it would tear. */
  hasStopsBehind(document: string, offset: number, text: (range: TextRange) => string): boolean {
    const region = this.#regions.get(document);
    if (region === undefined || offset < region.start || offset > region.end) return false;
    return STOPS_MAY_FOLLOW.test(text({ start: offset, end: region.end }));
  }

  forget(document: string): void {
    this.#regions.delete(document);
  }
}
