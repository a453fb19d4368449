/** What the provider decides about a request before it is made. Pure. */

/** Whole blocks are offered where a block begins or the line is empty; elsewhere the rest of the line. */
export function wantsBlock(linePrefix: string, lineSuffix: string): boolean {
  if (lineSuffix.trim() !== "") return false;
  return linePrefix.trim() === "" || /:\s*(#.*)?$/.test(linePrefix);
}

/** Not in a comment, and not in the middle of a word. */
export function canComplete(linePrefix: string, lineSuffix: string): boolean {
  return !/^\s*#/.test(linePrefix) && !/^\w/.test(lineSuffix);
}

/** Only closing brackets where the line has none open: a small model's idea of an end, and an error in Python. */
export function closesNothing(text: string, linePrefix: string): boolean {
  if (!/^[)\]}\s]+$/.test(text)) return false;
  const opened = linePrefix.match(/[([{]/g)?.length ?? 0;
  const closed = linePrefix.match(/[)\]}]/g)?.length ?? 0;
  return linePrefix.trim() !== "" && opened <= closed;
}

/** At most this much of the file goes to the worker: more than any context holds. */
export const PREFIX_CHARACTERS = 24_000;
export const SUFFIX_CHARACTERS = 8_000;

/**
 * What is left of a suggestion after the user has typed on: null where they typed something else. While they type along
 * it the worker need not be asked again.
 */
export function remainderAfterTyping(suggestion: string, typed: string): string | null {
  if (!suggestion.startsWith(typed)) return null;
  const rest = suggestion.slice(typed.length);
  return rest === "" ? null : rest;
}
