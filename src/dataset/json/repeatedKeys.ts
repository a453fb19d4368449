/**
 * Whether an object of a valid JSON text may hold a key twice, far faster than parsing with positions: a repeated key
 * leaves fewer keys in the value than there are colons outside of strings.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** `value` must be JSON.parse of `text`. */
export function hasRepeatedKey(text: string, value: unknown): boolean {
  return countColons(text) !== countKeys(value);
}

function countColons(text: string): number {
  let colons = 0;
  let quote = text.indexOf('"');
  while (quote >= 0) {
    const end = stringEnd(text, quote);
    let next = end + 1;
    let code = text.charCodeAt(next);
    while (code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d) code = text.charCodeAt(++next);
    if (code === COLON) colons++;
    quote = text.charCodeAt(next) === QUOTE ? next : text.indexOf('"', next);
  }
  return colons;
}

/** The closing quote of the string that opens at `start`. */
function stringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === BACKSLASH) before--;
  return (at - before) % 2 === 0;
}

/** Iterative: hostile nesting must not overflow the stack. */
function countKeys(value: unknown): number {
  let keys = 0;
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (next === null || typeof next !== "object") continue;
    const values = Array.isArray(next) ? next : Object.values(next);
    if (!Array.isArray(next)) keys += values.length;
    for (const inner of values) if (inner !== null && typeof inner === "object") open.push(inner);
  }
  return keys;
}
