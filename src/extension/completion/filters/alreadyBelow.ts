import { textSimilarity } from "../statistics/editedText";

/** Lines above this likeness are the same line with a name or a number changed. */
const ALIKE = 0.9;
/** Shorter lines are alike by chance. */
const SHORTEST_ALIKE = 12;
/** The time taken grows with the square. */
const LONGEST_COMPARED = 200;

/**
 * Whether the suggestion says what stands below the cursor anyway: its lines are the next ones of the document, or its
 * only line is almost the next one.
 */
export function isAlreadyBelow(text: string, linePrefix: string, suffix: string): boolean {
  const suggested = nonBlank(linePrefix + text);
  const below = nonBlank(suffix.slice(suffix.indexOf("\n") === -1 ? suffix.length : suffix.indexOf("\n")));
  if (suggested.length === 0 || below.length < suggested.length) return false;
  if (suggested.every((line, index) => line === below[index] && /\w/.test(line))) return true;
  const [line] = suggested;
  return suggested.length === 1 && areAlike(line!, below[0]!);
}

/** `text` without the end that what follows the cursor in its line would say again. */
export function withoutRestOfLine(text: string, lineSuffix: string): string {
  const rest = lineSuffix.trimEnd();
  if (text.includes("\n")) return text;
  // Behind closers, which the text may replace, a colon or a comma stays.
  const [, mark] = /^[)\]}"']*([:,])$/.exec(rest) ?? [];
  if (mark !== undefined && text.endsWith(mark)) return text.slice(0, -1);
  if (!/\w/.test(rest)) return text;
  for (let length = Math.min(rest.length, text.length); length >= 2; length--) {
    const said = rest.slice(0, length);
    if (!/\w/.test(said) || !text.endsWith(said)) continue;
    // A word that only ends or begins like the other one is another word.
    const before = text.at(-length - 1) ?? "";
    const after = rest[length] ?? "";
    const tornBefore = /\w/.test(before) && /\w/.test(said[0]!);
    const tornAfter = /\w/.test(after) && /\w/.test(said.at(-1)!);
    if (!tornBefore && !tornAfter) return text.slice(0, -length);
  }
  return text;
}

function nonBlank(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function areAlike(a: string, b: string): boolean {
  if (a === b) return /\w/.test(a);
  const longer = Math.max(a.length, b.length);
  if (Math.min(a.length, b.length) < SHORTEST_ALIKE || longer > LONGEST_COMPARED) return false;
  // Digits are what lines of a table differ in: those are worth offering.
  if (a.replace(/\d+/g, "0") === b.replace(/\d+/g, "0")) return false;
  return textSimilarity(a, b) >= ALIKE;
}
