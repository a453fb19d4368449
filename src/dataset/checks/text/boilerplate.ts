import type { TextCheck } from "../textPart";
import { problemAt, quoted } from "./problemAt";
import { findRefusal } from "./refusal";

/** Openings and endings are looked for within so many characters of either end. */
const margin = 200;

const opening =
  /^(?:sure(?: thing)?[!,.]|certainly[!,.]|of course[!,.]|absolutely[!,.]|great question[!,.]|no problem[!,.]|i'?d be (?:happy|glad) to help|i can (?:certainly |definitely )?help you with that)(?:\s{1,2}(?:i can help you with that|i'?d be (?:happy|glad) to help(?: you)?(?: with that)?)[.!])?(?: here(?:'s|’s| is| are)[^.:!\n]{0,80}[:.!]?)?/i;
const ending =
  /(?:i )?hope (?:this|that) helps|(?:please )?let me know if (?:you|there|this)|(?:please )?feel free to (?:ask|reach|contact|let me)|is there anything else/i;
const selfDescription = /\bas an? (?:AI|large|artificial intelligence) (?:language )?(?:model|assistant)\b/i;

/** Phrases of chat assistants around the answer. Taught with a thousand rows, they come with every answer. */
export const boilerplate: TextCheck = (part) => {
  if (part.role !== "answer") return [];
  const found = findPhrase(part.text);
  if (found === null || findRefusal(part) !== null) return [];
  const phrase = part.text.slice(found.start, found.end);
  return [
    problemAt(
      part,
      "boilerplate",
      found.start,
      found.end,
      `holds ${quoted(phrase)}, which answers nothing: remove it.`,
    ),
  ];
};

function findPhrase(text: string): { start: number; end: number } | null {
  const first = text.search(/\S/);
  if (first < 0) return null;
  const atStart = opening.exec(text.slice(first, first + margin));
  if (atStart !== null) return { start: first, end: first + atStart[0].length };
  const tail = Math.max(0, text.length - margin);
  const atEnd = ending.exec(text.slice(tail));
  if (atEnd !== null) return { start: tail + atEnd.index, end: tail + atEnd.index + atEnd[0].length };
  if (!/ model| assistant/i.test(text)) return null;
  const within = selfDescription.exec(text);
  return within === null ? null : { start: within.index, end: within.index + within[0].length };
}
