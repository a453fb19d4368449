import type { TextCheck } from "../textPart";
import { problemAt, quoted } from "./problemAt";

/**
 * UTF-8 that was decoded as Windows-1252 or Latin-1: `Ã©` for `é`, `â€™` for `’`. Every stretch that looks like it is
 * encoded back and decoded as UTF-8; only what comes out well formed and likely is reported.
 */

/** The characters that Windows-1252 has for the bytes 0x80 to 0x9f; a space where it has none. */
const windows1252 = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ";
const byteOfCharacter = new Map<string, number>();
for (let index = 0; index < windows1252.length; index++) {
  if (windows1252[index] !== " ") byteOfCharacter.set(windows1252[index]!, 0x80 + index);
}

const continuation = `[\\u0080-\\u00bf${windows1252.replaceAll(" ", "")}]`;
const run = new RegExp(
  `(?:[\\u00c2-\\u00df]${continuation}|[\\u00e0-\\u00ef]${continuation}{2}|[\\u00f0-\\u00f4]${continuation}{3})+`,
  "g",
);
/** What follows a letter in ordinary typography too: `café…”`, `« É »` with no-break spaces. */
const onlyPunctuation = /^[\u00a0‘’‚“”„–—…‹›«»™•]+$/;
const isUppercase = /\p{Lu}/u;
const isDigit = /[0-9]/;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** A text may have gone through the wrong encoding more than once. */
const maximumRounds = 3;

export interface Mojibake {
  start: number;
  end: number;
  /** What was meant. */
  mended: string;
}

export function findMojibake(text: string): Mojibake | null {
  for (const match of text.matchAll(run)) {
    const mended = mend(match[0]);
    if (mended === null || !isLikely(text, match.index, match[0], mended)) continue;
    return { start: match.index, end: match.index + match[0].length, mended: mendAgain(mended) };
  }
  return null;
}

function mend(found: string): string | null {
  const bytes = Uint8Array.from(found, (character) => byteOfCharacter.get(character) ?? character.charCodeAt(0));
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

function mendAgain(mended: string): string {
  let best = mended;
  for (let round = 1; round < maximumRounds; round++) {
    run.lastIndex = 0;
    if (run.exec(best)?.[0] !== best) break;
    const next = mend(best);
    if (next === null) break;
    best = next;
  }
  return best;
}

function isLikely(text: string, start: number, found: string, mended: string): boolean {
  // No-one means a C1 control character.
  if (/[\u0080-\u009f]/.test(mended)) return false;
  if ([...mended].length > 1) return !onlyPunctuation.test(found.slice(1));
  const before = text.slice(Math.max(0, start - 1), start);
  const ordinary = onlyPunctuation.test(found.slice(1));
  switch (found[0]) {
    case "Â":
    case "Ã":
      return !(ordinary && isUppercase.test(before));
    case "Å":
      // The unit ångström: `1.54Å±0.01`.
      return !ordinary && !isDigit.test(before);
    case "Ä":
    case "â":
    case "ï":
    case "ð":
      return !ordinary;
    default:
      return false;
  }
}

export const mojibake: TextCheck = (part) => {
  const found = findMojibake(part.text);
  if (found === null) return [];
  const { start, end, mended } = found;
  const what = `reads ${quoted(part.text.slice(start, end))} where ${quoted(mended)} was meant, UTF-8 decoded with the wrong encoding: mend it, or decode the source as UTF-8.`;
  return [problemAt(part, "mojibake", start, end, what)];
};
