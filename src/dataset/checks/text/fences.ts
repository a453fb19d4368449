/** The fenced code blocks of a Markdown text, by CommonMark 0.31, section 4.5. */

export interface Fence {
  /** The opening fence with its info string, without the indentation. */
  openStart: number;
  openEnd: number;
  /** The first word of the info string, lowercased; empty where there is none. */
  language: string;
  /** The code: whole lines, the last line's end included. */
  contentStart: number;
  contentEnd: number;
  closed: boolean;
}

/**
 * Indentation and marks of block quotes and list items before a fence. CommonMark allows three spaces within the item
 * that the fence stands in; answers indent more than their lists ask for, so any number is accepted.
 */
const opening = /^[ \t]*(?:(?:>|[-*+]|\d{1,9}[.)])[ \t]+|>)*(?:(`{3,})([^`]*)|(~{3,})(.*))$/;
const closing = /^[ \t>]*(`{3,}|~{3,})[ \t]*$/;
/** No fence begins further right; so that the expressions need not read a line of a megabyte. */
const longestFenceLine = 400;

export function findFences(text: string): Fence[] {
  const fences: Fence[] = [];
  if (!text.includes("```") && !text.includes("~~~")) return fences;
  let open: Fence | null = null;
  let mark = "";
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const next = newline < 0 ? text.length : newline + 1;
    const line = fenceLine(text, start, newline < 0 ? text.length : newline);
    if (open === null) {
      const match = line === null ? null : opening.exec(line);
      if (match !== null) {
        mark = match[1] ?? match[3]!;
        open = openFence(match, start, next, text.length);
        fences.push(open);
      }
    } else if (line !== null && closes(line, mark)) {
      open.contentEnd = start;
      open.closed = true;
      open = null;
    }
    start = next;
  }
  return fences;
}

/** The line where it could be a fence, else null. */
function fenceLine(text: string, start: number, end: number): string | null {
  if (end - start < 3 || end - start > longestFenceLine) return null;
  const line = text.slice(start, text[end - 1] === "\r" ? end - 1 : end);
  return line.includes("```") || line.includes("~~~") ? line : null;
}

function openFence(match: RegExpExecArray, lineStart: number, next: number, textEnd: number): Fence {
  const mark = match[1] ?? match[3]!;
  const info = match[2] ?? match[4] ?? "";
  const openStart = lineStart + match[0].length - info.length - mark.length;
  return {
    openStart,
    openEnd: openStart + mark.length + info.trimEnd().length,
    language: /^[^\s,{:]*/.exec(info.trim())![0].toLowerCase(),
    contentStart: next,
    contentEnd: textEnd,
    closed: false,
  };
}

function closes(line: string, mark: string): boolean {
  const found = closing.exec(line)?.[1];
  return found !== undefined && found[0] === mark[0] && found.length >= mark.length;
}
