/** What was edited last, across files: a ring of hunks. Pure. */

const MOST_HUNKS = 16;
/** A change this near to a hunk belongs to it. */
const NEAR_LINES = 4;
/** Of a longer hunk its end is kept: it was typed last. */
const LONGEST_HUNK = 24;

/** A change of a document as VS Code tells it, in 0-based lines, after it was made. */
export interface LineChange {
  startLine: number;
  /** Lines that the replaced text spanned. */
  removed: number;
  /** Lines that the new text spans. */
  added: number;
}

export interface Hunk {
  path: string;
  /** 0-based, the last one included. */
  from: number;
  to: number;
  text: string;
}

export class RecentEdits {
  /** The newest last. */
  private hunks: Hunk[] = [];

  /** `linesOf` gives lines of the document as it is now, `to` included, ends that do not exist left out. */
  note(path: string, change: LineChange, linesOf: (from: number, to: number) => string): void {
    const from = change.startLine;
    const to = change.startLine + change.added - 1;
    const shift = change.added - change.removed;
    const removedTo = change.startLine + change.removed - 1;
    let hunk: Hunk = { path, from, to, text: "" };
    this.hunks = this.hunks.flatMap((other) => {
      if (other.path !== path) return [other];
      const near = other.from <= removedTo + NEAR_LINES && other.to >= from - NEAR_LINES;
      const moved = { ...other, ...movedBy(other, removedTo, shift) };
      if (!near) return [moved];
      hunk = { path, from: Math.min(hunk.from, moved.from), to: Math.max(hunk.to, moved.to), text: "" };
      return [];
    });
    const first = Math.max(0, hunk.from, hunk.to - LONGEST_HUNK + 1);
    this.hunks.push({ ...hunk, from: first, text: linesOf(first, hunk.to) });
    if (this.hunks.length > MOST_HUNKS) this.hunks.shift();
  }

  forget(path: string): void {
    this.hunks = this.hunks.filter((hunk) => hunk.path !== path);
  }

  /** Hunks of other files, the newest first; blank ones left out. */
  elsewhere(path: string): Hunk[] {
    return this.hunks.filter((hunk) => hunk.path !== path && hunk.text.trim() !== "").reverse();
  }
}

function movedBy(hunk: Hunk, removedTo: number, shift: number): { from: number; to: number } {
  const from = hunk.from > removedTo ? hunk.from + shift : hunk.from;
  const to = hunk.to >= removedTo ? hunk.to + shift : hunk.to;
  return { from: Math.max(0, from), to: Math.max(0, from, to) };
}
