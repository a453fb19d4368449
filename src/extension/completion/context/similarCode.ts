/** Pieces of other files that resemble the code at the cursor. Pure. */

/** Lines of a window; the next begins half of it further down. */
const WINDOW_LINES = 20;
/** Windows of all files together: looking through them takes a few milliseconds. */
const MOST_WINDOWS = 2000;
const MOST_WINDOWS_OF_A_FILE = 400;
/** Fewer names than that say nothing of what a piece is about. */
const FEWEST_IDENTIFIERS = 5;
/** What resembles the cursor's surroundings less than this is no help. */
const LEAST_SIMILARITY = 0.15;

export interface CodeWindow {
  path: string;
  /** 0-based. */
  line: number;
  text: string;
  identifiers: ReadonlySet<string>;
}

export interface SimilarWindow {
  path: string;
  text: string;
  line: number;
  /** Shared identifiers of all identifiers of both, 0 to 1. */
  similarity: number;
}

const KEYWORDS: ReadonlySet<string> = new Set(
  `and as assert async await break class continue def del elif else except finally for from global import in is lambda
   nonlocal not or pass raise return try while with yield None True False self cls`.split(/\s+/),
);

/** Names in `text`, keywords left out. */
export function identifiersOf(text: string): Set<string> {
  const found = text.match(/[A-Za-z_]\w{1,63}/g) ?? [];
  return new Set(found.filter((word) => !KEYWORDS.has(word)));
}

export function jaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const [small, large] = a.size <= b.size ? [a, b] : [b, a];
  let shared = 0;
  for (const word of small) if (large.has(word)) shared += 1;
  const all = a.size + b.size - shared;
  return all === 0 ? 0 : shared / all;
}

export function windowsOf(path: string, text: string): CodeWindow[] {
  const lines = text.split("\n");
  const windows: CodeWindow[] = [];
  for (let line = 0; line < lines.length && windows.length < MOST_WINDOWS_OF_A_FILE; line += WINDOW_LINES / 2) {
    const piece = lines.slice(line, line + WINDOW_LINES).join("\n");
    const identifiers = identifiersOf(piece);
    if (identifiers.size >= FEWEST_IDENTIFIERS) windows.push({ path, line, text: piece, identifiers });
  }
  return windows;
}

/** Windows of the files that were seen last; those of the longest unseen file go first. */
export class SimilarCode {
  /** In the order in which the files were last seen. */
  private readonly files = new Map<string, readonly CodeWindow[]>();
  private size = 0;

  see(path: string, text: string): void {
    this.forget(path);
    const windows = windowsOf(path, text);
    this.files.set(path, windows);
    this.size += windows.length;
    for (const [oldest] of this.files) {
      if (this.size <= MOST_WINDOWS || oldest === path) break;
      this.forget(oldest);
    }
  }

  forget(path: string): void {
    this.size -= this.files.get(path)?.length ?? 0;
    this.files.delete(path);
  }

  /** At most `count` windows that do not overlap, the most similar first, none of `except`. */
  resembling(text: string, except: string, count: number): SimilarWindow[] {
    const wanted = identifiersOf(text);
    if (wanted.size < FEWEST_IDENTIFIERS) return [];
    const scored = [...this.files.values()]
      .flat()
      .filter(({ path }) => path !== except)
      .map(({ path, line, text, identifiers }) => ({ path, line, text, similarity: jaccard(wanted, identifiers) }))
      .filter(({ similarity }) => similarity >= LEAST_SIMILARITY)
      .sort((a, b) => b.similarity - a.similarity || (a.path < b.path ? -1 : 1) || a.line - b.line);
    const chosen: SimilarWindow[] = [];
    for (const window of scored) {
      if (chosen.length >= count) break;
      const overlaps = ({ path, line }: SimilarWindow) =>
        path === window.path && Math.abs(line - window.line) < WINDOW_LINES;
      if (!chosen.some(overlaps)) chosen.push(window);
    }
    return chosen;
  }
}
