import type { TextCheck } from "../textPart";
import { problemAt } from "./problemAt";

/** Only the last line is looked at, and no more of it than this. */
const longestTail = 300;
/** A short answer may be any word or character: what was asked for, not the rest of a sentence. */
const shortest = 20;

const endsInsideExpression = /[([{,]$|\s(?:=|\+|==|!=|<=|>=|\+=|-=|&&|\|\||->|=>|:=)$/;
const endsInsideSentence = /[a-z,;] (?:and|or|the|an|because|whose|such as)$/;
/** The quote is the last character, nothing stands in it yet. */
const endsAfterOpeningQuote = /(?:^|[\s(=[{,])(["'])$/;
/** `find … -exec rm {} +` */
const endsFindCommand = /\{\}['"]? \+$/;
const signature = /^(?:[a-z]+ )?(?:regards|wishes|sincerely|yours|yours [a-z]+|thanks|thank you|cheers|love),$/i;

/** An answer that ends where no answer ends: it was cut by a limit, and teaches to stop in the middle. */
export const truncatedAnswer: TextCheck = (part) => {
  if (part.role !== "answer") return [];
  const text = part.text.trimEnd();
  if (text.length < shortest) return [];
  const lineStart = Math.max(text.lastIndexOf("\n") + 1, text.length - longestTail);
  const line = text.slice(lineStart);
  if (!breaksOff(line)) return [];
  const start = text.length - (/\S+$/.exec(line.slice(-20))?.[0].length ?? 1);
  return [problemAt(part, "truncated-answer", start, text.length, "breaks off here: complete it, or remove the row.")];
};

function breaksOff(line: string): boolean {
  if (signature.test(line.trim())) return false;
  if (endsInsideExpression.test(line)) return !endsFindCommand.test(line);
  if (endsInsideSentence.test(line)) return true;
  const quote = endsAfterOpeningQuote.exec(line)?.[1];
  return quote !== undefined && line.split(quote).length % 2 === 0;
}
