import type { TextCheck } from "../textPart";
import { problemAt } from "./problemAt";

const shortestAnswer = 200;
/** So many times in a row is no style but a generator that was stuck. */
const repetitions = 8;
/** The repetition is found in this much of the end, so that its cost is bounded; it may begin before. */
const longestTail = 2400;
const longestPeriod = longestTail / repetitions;
/** What has to recur for the tail to be read at all. */
const probe = 24;

interface Stretch {
  start: number;
  end: number;
}

/** An answer in which one line or one phrase comes over and over. */
export const repeatedText: TextCheck = (part) => {
  if (part.role !== "answer" || part.text.length < shortestAnswer) return [];
  const found = repeatedLines(part.text) ?? periodicTail(part.text);
  if (found === null) return [];
  const what = "repeats the same text over and over from here on: shorten it, or remove the row.";
  return [problemAt(part, "repeated-text", found.start, found.end, what)];
};

function repeatedLines(text: string): Stretch | null {
  let runStart = 0;
  let count = 0;
  let previous = "";
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    const length = end - start;
    if (length > 0 && length === previous.length && text.startsWith(previous, start)) {
      count++;
      if (count === repetitions && saysSomething(previous)) return { start: runStart, end };
    } else if (length > 0) {
      previous = text.slice(start, end);
      runStart = start;
      count = 1;
    }
    start = end + 1;
  }
  return null;
}

function periodicTail(text: string): Stretch | null {
  const end = text.trimEnd().length;
  const tail = text.slice(Math.max(0, end - longestTail), end);
  const last = tail.slice(-probe);
  const again = tail.lastIndexOf(last, tail.length - probe - 1);
  if (again < 0 || tail.length - probe - again > longestPeriod) return null;
  const period = longestRepetition(tail);
  if (period === null || !saysSomething(text.slice(end - period, end))) return null;
  let start = end - period;
  while (start > 0 && text[start - 1] === text[start - 1 + period]) start--;
  return { start, end };
}

/**
 * The period of the longest ending of `tail` that is one text `repetitions` times or more; null where there is none.
 * Knuth, Morris and Pratt's table of the reversed tail holds the period of each of its endings.
 */
function longestRepetition(tail: string): number | null {
  const { length } = tail;
  const borders = new Uint16Array(length);
  let best: number | null = null;
  for (let index = 1, border = 0; index < length; index++) {
    const character = tail.charCodeAt(length - 1 - index);
    while (border > 0 && character !== tail.charCodeAt(length - 1 - border)) border = borders[border - 1]!;
    if (character === tail.charCodeAt(length - 1 - border)) border++;
    borders[index] = border;
    const period = index + 1 - border;
    if (index + 1 >= shortestAnswer && period * repetitions <= index + 1) best = period;
  }
  return best;
}

/** Rules, rows of zeros and the like are drawn or listed, not said. */
function saysSomething(repeated: string): boolean {
  const letters = repeated.match(/\p{L}/gu);
  return letters !== null && new Set(letters).size > 1;
}
