/**
 * Whether an object of a valid JSON text may hold a key twice, far faster than parsing with positions: a repeated key
 * leaves fewer keys in the value than there are colons outside of strings.
 */

const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** `value` must be JSON.parse of `text`. */
export function hasRepeatedKey(text: string, value: unknown): boolean {
  const keys = readKeys(text);
  return keys.alike && keys.count !== countKeys(value);
}

/** Reused: this runs for every row. */
const keys = { count: 0, alike: false };

/**
 * Counts the keys of a text, going from quote to quote, so that what stands between them is passed over at the speed of
 * memchr. `alike`: two of them may be the same; few rows have such keys, and only for these the value is looked at.
 */
function readKeys(text: string): typeof keys {
  keys.count = 0;
  keys.alike = false;
  let seen = 0;
  let start = -1;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) {
    if (start < 0) {
      start = at;
      continue;
    }
    if (text.charCodeAt(at - 1) === BACKSLASH && isEscaped(text, at)) continue;
    if (opensValue(text, at + 1)) {
      keys.count++;
      const bit = 1 << (at - start + 7 * text.charCodeAt(start + 1));
      if ((seen & bit) !== 0 || hasEscape(text, start, at)) keys.alike = true;
      seen |= bit;
    }
    start = -1;
  }
  return keys;
}

/** An escape makes two spellings of one key. Keys are short. */
function hasEscape(text: string, start: number, end: number): boolean {
  for (let at = start + 1; at < end; at++) if (text.charCodeAt(at) === BACKSLASH) return true;
  return false;
}

function opensValue(text: string, after: number): boolean {
  let at = after;
  let code = text.charCodeAt(at);
  while (code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d) code = text.charCodeAt(++at);
  return code === COLON;
}

function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === BACKSLASH) before--;
  return (at - before) % 2 === 0;
}

/** Iterative where values are nested: hostile nesting must not overflow the stack. */
function countKeys(value: unknown): number {
  if (value === null || typeof value !== "object") return 0;
  let keys = 0;
  const open: object[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const isArray = Array.isArray(next);
    for (const key in next) {
      if (!isArray) keys++;
      const inner = (next as Record<string, unknown>)[key];
      if (inner !== null && typeof inner === "object") open.push(inner);
    }
  }
  return keys;
}
