import type { PersonalDatum } from "./personalData";

/** Visa, Mastercard, Discover in fours or in one; American Express as 4-6-5 or in one. */
const card =
  /(?<![\w.+-])(?:(?:4\d{3}|5[1-5]\d{2}|2[2-7]\d{2}|6011|65\d{2})([ -]?)\d{4}\1\d{4}\1\d{4}|3[47]\d{2}([ -]?)\d{6}\2\d{5})(?![\w-]|\.\d)/g;
/** The numbers with which payment services are tried out. */
const trialCards = new Set([
  "4111111111111111",
  "4242424242424242",
  "4000056655665556",
  "4012888888881881",
  "4539578763621486",
  "5555555555554444",
  "5105105105105100",
  "5200828282828210",
  "2223003122003222",
  "6011111111111117",
  "6011000990139424",
  "378282246310005",
  "371449635398431",
]);

const iban = /(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)/g;
/** The registry's own examples, which every textbook has. */
const exampleIbans = /^(?:GB82WEST1234|GB29NWBK6016|DE893704004405|FR1420041010|GB33BUKB2020)/;

export function findAccountNumbers(text: string): PersonalDatum[] {
  const found: PersonalDatum[] = [];
  for (const match of text.matchAll(card)) {
    const digits = match[0].replace(/\D/g, "");
    if (trialCards.has(digits) || /(\d)\1{5}|123456/.test(digits) || !passesLuhn(digits)) continue;
    found.push({ name: "a payment card's number", start: match.index, end: match.index + match[0].length });
  }
  for (const match of text.matchAll(iban)) {
    const number = match[0].replaceAll(" ", "");
    if (exampleIbans.test(number) || !passesMod97(number)) continue;
    found.push({ name: "a bank account's number (IBAN)", start: match.index, end: match.index + match[0].length });
  }
  return found;
}

/** ISO/IEC 7812-1, annex B. */
export function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let place = 0; place < digits.length; place++) {
    const digit = Number(digits[digits.length - 1 - place]);
    const weighted = place % 2 === 1 ? digit * 2 : digit;
    sum += weighted > 9 ? weighted - 9 : weighted;
  }
  return sum % 10 === 0;
}

/** ISO 13616: the first four characters go to the end, letters count from 10. */
export function passesMod97(number: string): boolean {
  if (number.length < 15 || number.length > 34) return false;
  let remainder = 0;
  for (const character of number.slice(4) + number.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder === 1;
}
