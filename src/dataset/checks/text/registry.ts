import type { RowProblem } from "../../problem";
import type { TextCheck, TextPart } from "../textPart";
import { boilerplate } from "./boilerplate";
import { contentsOf, holds } from "./contents";
import { controlCharacter } from "./controlCharacter";
import { doubleBos } from "./doubleBos";
import { invisibleCharacter } from "./invisibleCharacter";
import { mojibake } from "./mojibake";
import { personalData } from "./personalData";
import { refusal } from "./refusal";
import { repeatedText } from "./repeatedText";
import { replacementCharacter } from "./replacementCharacter";
import { secret } from "./secret";
import { specialToken } from "./specialToken";
import { templateMarker } from "./templateMarker";
import { truncatedAnswer } from "./truncatedAnswer";
import { unbalancedFence } from "./unbalancedFence";

interface Entry {
  check: TextCheck;
  /** Kinds of characters of which the text must hold one, or it cannot have this problem; 0: any text can. */
  needs: number;
}

const entries: readonly Entry[] = [
  { check: controlCharacter, needs: holds.control | holds.nonAscii },
  { check: invisibleCharacter, needs: holds.nonAscii },
  { check: replacementCharacter, needs: holds.nonAscii },
  { check: mojibake, needs: holds.nonAscii },
  { check: doubleBos, needs: holds.lessThan | holds.squareBracket },
  { check: specialToken, needs: holds.lessThan | holds.squareBracket },
  { check: templateMarker, needs: holds.lessThan | holds.squareBracket | holds.hash | holds.colon },
  { check: secret, needs: holds.digit },
  { check: personalData, needs: holds.at | holds.digit },
  { check: unbalancedFence, needs: holds.fence },
  { check: truncatedAnswer, needs: 0 },
  { check: refusal, needs: 0 },
  { check: boilerplate, needs: 0 },
  { check: repeatedText, needs: 0 },
];

export const textChecks: readonly TextCheck[] = entries.map(({ check }) => check);

/** All checks of one text, in the order of the registry. */
export function checkText(part: TextPart): RowProblem[] {
  const contents = contentsOf(part.text);
  const problems: RowProblem[] = [];
  for (const { check, needs } of entries) {
    if (needs !== 0 && (needs & contents) === 0) continue;
    const found = check(part);
    if (found.length > 0) problems.push(...found);
  }
  return problems;
}
