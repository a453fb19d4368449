import type { RowProblem } from "../../problem";
import type { TextCheck, TextPart } from "../textPart";
import { codePointName, problemAt } from "./problemAt";

const candidate =
  /[\u00ad\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\u3164\ufeff\uffa0\u{e0000}-\u{e007f}]/gu;
const directionControl = /[\u202a-\u202e\u2066-\u2069]/;
const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;
/** Scripts whose letters are joined or kept apart by U+200C and U+200D. */
const joiningScript =
  /\p{Script=Arabic}|\p{Script=Syriac}|\p{Script=Mongolian}|\p{Script=Devanagari}|\p{Script=Bengali}|\p{Script=Gurmukhi}|\p{Script=Gujarati}|\p{Script=Oriya}|\p{Script=Tamil}|\p{Script=Telugu}|\p{Script=Kannada}|\p{Script=Malayalam}|\p{Script=Sinhala}|\p{Script=Khmer}|\p{Script=Tibetan}|\p{Script=Myanmar}/u;
/** What may stand before the joiner in an emoji: a picture, its skin tone, or the selector of its coloured form. */
const beforeEmojiJoiner = /\p{Extended_Pictographic}|\p{Emoji_Modifier}|\ufe0f/u;
const picture = /\p{Extended_Pictographic}/u;
/** Flags of regions, such as Scotland's, are this flag followed by invisible letters. */
const blackFlag = "\u{1f3f4}";

const zeroWidthNonJoiner = 0x200c;
const zeroWidthJoiner = 0x200d;
const leftToRightMark = 0x200e;
const rightToLeftMark = 0x200f;
const byteOrderMark = 0xfeff;
const firstTag = 0xe0000;

/** Characters that nobody sees but the tokenizer. Emoji, and scripts that need joiners, keep theirs. */
export const invisibleCharacter: TextCheck = (part) => {
  for (const match of part.text.matchAll(candidate)) {
    const problem = problemWith(part, match.index, match[0]);
    if (problem !== null) return [problem];
  }
  return [];
};

function problemWith(part: TextPart, start: number, character: string): RowProblem | null {
  const codePoint = character.codePointAt(0)!;
  if (isLegitimate(part.text, start, codePoint)) return null;
  return problemAt(part, "invisible-character", start, start + character.length, what(start, codePoint, character));
}

function what(start: number, codePoint: number, character: string): string {
  if (codePoint === byteOrderMark && start === 0) return "begins with a byte order mark (U+FEFF): remove it.";
  const name = codePointName(codePoint);
  return directionControl.test(character)
    ? `holds ${name}, which changes the direction of the text around it: remove it.`
    : `holds the invisible character ${name}: remove it.`;
}

function isLegitimate(text: string, start: number, codePoint: number): boolean {
  switch (codePoint) {
    case zeroWidthJoiner:
      return joinsEmoji(text, start) || joiningScript.test(codePointBefore(text, start));
    case zeroWidthNonJoiner:
      return joiningScript.test(codePointBefore(text, start));
    case leftToRightMark:
    case rightToLeftMark:
      return rightToLeft.test(text);
    default:
      return codePoint >= firstTag && isInFlag(text, start);
  }
}

function joinsEmoji(text: string, start: number): boolean {
  return beforeEmojiJoiner.test(codePointBefore(text, start)) && picture.test(codePointAfter(text, start + 1));
}

function isInFlag(text: string, start: number): boolean {
  let index = start;
  // The longest of these flags has six invisible letters and the one that ends it, two code units each.
  for (let letters = 0; letters <= 7; letters++) {
    const before = codePointBefore(text, index);
    if (before === blackFlag) return true;
    if ((before.codePointAt(0) ?? 0) < firstTag) return false;
    index -= before.length;
  }
  return false;
}

function codePointBefore(text: string, end: number): string {
  const two = text.slice(Math.max(0, end - 2), end);
  return two.length === 2 && two.codePointAt(0)! > 0xffff ? two : two.slice(-1);
}

function codePointAfter(text: string, start: number): string {
  const codePoint = text.codePointAt(start);
  return codePoint === undefined ? "" : String.fromCodePoint(codePoint);
}
