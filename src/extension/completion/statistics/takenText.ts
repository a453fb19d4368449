/** What a change that agrees with a suggestion says of how it came about. Pure; line ends are `\n`. */

const PAIRS = new Set(["()", "[]", "{}", '""', "''"]);

/** The user has typed the first, and the editor has closed it behind the cursor. */
export function isPair(put: string): boolean {
  return PAIRS.has(put);
}

/** Whether the user has typed this, rather than taken it: one character, or a new line with its indentation. */
export function isTypedAlong(put: string): boolean {
  return [...put].length <= 1 || /^\n[ \t]*$/.test(put);
}

/** Taken by the line: a word that is taken never ends with a line's end. */
export function endsLine(put: string): boolean {
  return put.endsWith("\n");
}

export function withPlainLineEnds(text: string): string {
  return text.replaceAll("\r\n", "\n");
}
