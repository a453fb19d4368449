import { isProse } from "./python/looksLikePython";

/** `### Response:`, `Answer:`: the place where an answer begins. */
const answerMark = /^(?:#{1,4} ?)?(?:answer|assistant|output|response|solution|a)(?: ?:|$)/i;
/** Comments, quotes and indented lines are code, or text in the midst of something. */
const beginsLikeCode = /^(?:[ \t#"'`/*>]|(?:async )?def |class |@)/;
const endsLikeQuestion = /[?？。！]$/;
/** `Reverse a string`: words alone, the first of them with a capital. */
const isWords = /^\p{Lu}[\p{L}'’-]*(?: [\p{L}\d'’-]+)+\.?$/u;
/** More of a line says no more about it. */
const longestLine = 2_000;

/**
 * Whether a prompt asks for an answer, which then stands alone, or is a text that the completion carries on: a function
 * without its body, the beginning of a sentence in the midst of code. Told by its last line; in doubt it is carried on.
 */
export function asksForAnswer(prompt: string): boolean {
  const text = prompt.trimEnd();
  const lineStart = text.lastIndexOf("\n") + 1;
  const beginning = text.slice(lineStart, lineStart + longestLine);
  if (answerMark.test(beginning)) return true;
  const end = text.slice(Math.max(lineStart, text.length - longestLine));
  return !beginsLikeCode.test(beginning) && (isProse(end) || isWords.test(end) || endsLikeQuestion.test(end));
}
