/**
 * Whether a password, key or token only stands for one. Teaching data is full of them: `your_password`,
 * `P@ssw0rd123`, `<API_KEY>`, `sk-xxxx`.
 */
export function isPlaceholder(value: string): boolean {
  return pattern.test(value) || fewDistinct(value) || placeholderWord.test(unleet(value));
}

/** Interpolation, brackets for the reader to fill in, elisions, counting up. */
const pattern = /[${}<>[\]()]|\*\*|\.\.\.|…|%[sd(]|xxx|0000|1234|4321|abcd/i;

const placeholderWord =
  /pass|pwd|secret|your|my[_-]|^my|example|sample|test|dummy|fake|demo|placeholder|change|replace|insert|redacted|default|admin|user|qwert|letme|welcome|hello|world|token|api[_-]?key|key[_-]|value|string|foo|hunter2|todo|here|invalid|wrong|correct|abc|def[_-]?456|hash|salt|strong|secure/;

/** `P@ssw0rd` is `password`. */
function unleet(value: string): string {
  return value.toLowerCase().replace(/[@40!1$53]/g, (digit) => letters[digit]!);
}

const letters: Readonly<Record<string, string>> = {
  "@": "a",
  "4": "a",
  "0": "o",
  "!": "i",
  "1": "i",
  $: "s",
  "5": "s",
  "3": "e",
};

function fewDistinct(value: string): boolean {
  return new Set(value).size < Math.min(6, value.length / 2);
}

/** Shannon's entropy of the characters, in bits a character. */
export function entropy(value: string): number {
  const counts = new Map<string, number>();
  for (const character of value) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / value.length) * Math.log2(count / value.length);
  return bits;
}
