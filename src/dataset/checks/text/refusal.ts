import type { RowProblem } from "../../problem";
import type { TextCheck, TextPart } from "../textPart";
import { problemAt } from "./problemAt";

/** A refusal is the first thing that an answer says. */
const beginning = 240;

const inability =
  "(?:can(?:no|')?t|can not|am unable to|am not able to|'m unable to|'m not able to|won't|will not|do(?:n't| not) have (?:the )?(?:ability|capability|capabilities|access))";
const deed =
  "(?:assist|help|provide|fulfil|comply|create|generate|write|do that|do this|answer|engage|support|perform|complete|continue|discuss|access|browse|share|give|offer|produce|execute|process|order|book|make|send|open|participate|respond|to perform|to access|to provide|to|beyond|outside)";
const apology =
  "(?:(?:i'm|i am) (?:very |so |really |truly )?(?:sorry|afraid)|sorry|(?:my |i )?apologi[sz]es?|unfortunately)";
const asMachine =
  "as an? (?:ai|artificial intelligence|large language|language)(?: language)?(?: model| assistant| chatbot)?(?: developed by \\w{1,20})?";

const refusals = [
  new RegExp(`^${apology}[^.!?\\n]{0,80}?\\bi(?: | am |)${inability}\\b`),
  new RegExp(
    `^(?:but )?${asMachine},? (?:[^.!?\\n]{0,40}?)\\b(?:i(?: | am |)${inability}|i do(?:n't| not)|i am not|i'm not)\\b`,
  ),
  new RegExp(`^i(?: | am |)${inability} (?:be able to )?(?:directly )?${deed}\\b`),
];

/** The answer does not answer: it teaches the model to refuse. */
export const refusal: TextCheck = (part) => {
  const found = findRefusal(part);
  return found === null ? [] : [found];
};

export function findRefusal(part: TextPart): RowProblem | null {
  if (part.role !== "answer") return null;
  const start = part.text.search(/\S/);
  if (start < 0) return null;
  const text = part.text
    .slice(start, start + beginning)
    .replaceAll("’", "'")
    .toLowerCase();
  if (!refusals.some((pattern) => pattern.test(text))) return null;
  const end = start + (/^[^.!?\n]*[.!?]?/.exec(text)?.[0].length ?? text.length);
  return problemAt(part, "refusal", start, end, "begins with a refusal: answer the instruction, or remove the row.");
}
