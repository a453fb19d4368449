import type { PersonalDatum } from "./personalData";

/** `+44 20 7946 0958`; not where it goes on a number, a word or a sum. */
const international = /(?<![\w)\]+-]|\d )\+[1-9](?:[ .()-]{0,2}\d){7,14}(?!\w)/g;
/** `(415) 867-2309`: area and exchange begin with 2 to 9. */
const american = /(?<![\w\])])\([2-9]\d{2}\) ?[2-9]\d{2}-\d{4}(?!\d)/g;
/** Numbers that films and examples use: 555, counting, one digit over and over. */
const placeholder = /555|1234|2345|3456|4567|5678|6789|7890|9876|0000|(\d)\1{4}/;
/** More digits in one go are a summand. */
const longestUnseparated = 13;

export function findPhoneNumbers(text: string): PersonalDatum[] {
  const found: PersonalDatum[] = [];
  if (text.includes("+")) collect(text, international, found);
  if (text.includes("(")) collect(text, american, found);
  return found;
}

function collect(text: string, pattern: RegExp, found: PersonalDatum[]): void {
  for (const match of text.matchAll(pattern)) {
    const digits = match[0].replace(/\D/g, "");
    if (digits.length > longestUnseparated && match[0].length === digits.length + 1) continue;
    if (digits.length < 8 || digits.length > 15 || placeholder.test(digits)) continue;
    found.push({ name: "a telephone number", start: match.index, end: match.index + match[0].length });
  }
}
