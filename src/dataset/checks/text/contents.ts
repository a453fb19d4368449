/**
 * Which kinds of characters a text holds, found in one pass: most texts lack what most checks look for, so most checks
 * need not read them.
 */
export const holds = {
  nonAscii: 1,
  control: 2,
  lessThan: 4,
  squareBracket: 8,
  fence: 16,
  at: 32,
  digit: 64,
  hash: 128,
  colon: 256,
} as const;

const kinds = new Uint16Array(128);
for (let code = 0; code < 32; code++) kinds[code] = holds.control;
for (const blank of "\t\n\r") kinds[blank.charCodeAt(0)] = 0;
kinds[0x7f] = holds.control;
kinds["<".charCodeAt(0)] = holds.lessThan;
kinds["[".charCodeAt(0)] = holds.squareBracket;
kinds["`".charCodeAt(0)] = holds.fence;
kinds["~".charCodeAt(0)] = holds.fence;
kinds["@".charCodeAt(0)] = holds.at;
kinds["#".charCodeAt(0)] = holds.hash;
kinds[":".charCodeAt(0)] = holds.colon;
for (const digit of "0123456789") kinds[digit.charCodeAt(0)] = holds.digit;

/** The sum of `holds` that are true of the text. */
export function contentsOf(text: string): number {
  let found = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    found |= code < 128 ? kinds[code]! : holds.nonAscii;
  }
  return found;
}
