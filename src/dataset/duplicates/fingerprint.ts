/**
 * Hashes of texts by which rows are found to be the same. Not cryptographic: 64 bits keep accidents out of 10⁷ rows
 * (one in 400,000 that any two differing rows meet), nobody gains by provoking one.
 */

/** 64 bits as two signed 32-bit integers. */
export interface Fingerprint {
  high: number;
  low: number;
}

/**
 * The text without white space at its ends and at the ends of its lines, which end in line feeds. All other white space
 * stays: Python's meaning hangs on it.
 */
export function normalised(text: string): string {
  // Nearly every text is in order, which is cheaper to tell than to bring about.
  if (!/\r|[ \t]\n|^\s|\s$/.test(text)) return text;
  return withoutLineEnds(text.trim());
}

/** By code units, since patterns take quadratic time on long blanks. */
function withoutLineEnds(text: string): string {
  const units = new Uint16Array(text.length);
  let used = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const isReturn = code === RETURN;
    if (isReturn && text.charCodeAt(at + 1) === LINE_FEED) continue;
    if (isReturn || code === LINE_FEED) {
      while (used > 0 && isBlank(units[used - 1]!)) used--;
      units[used++] = LINE_FEED;
    } else units[used++] = code;
  }
  return Buffer.from(units.buffer, 0, used * 2).toString("utf16le");
}

const LINE_FEED = 10;
const RETURN = 13;

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

/** Puts a text behind what was hashed before. */
export function hashText(text: string, into: Fingerprint): void {
  let { high, low } = into;
  const even = text.length & ~1;
  for (let at = 0; at < even; at += 2) {
    const pair = text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16);
    high = Math.imul(((high << 5) | (high >>> 27)) ^ pair, 0x9e3779b1);
    low = Math.imul(((low << 13) | (low >>> 19)) ^ pair, 0x5f356495);
  }
  const last = even < text.length ? text.charCodeAt(even) : 0;
  hashNumber(last, into, high, low);
  hashNumber(text.length, into);
}

/** The same for a number of 32 bits. */
export function hashNumber(value: number, into: Fingerprint, high = into.high, low = into.low): void {
  into.high = scramble(Math.imul(high, 0x01000193) ^ value);
  into.low = scramble(Math.imul(low, 0x3c6ef35f) ^ value);
}

export interface LooseHash {
  /** 32 bits of the text without white space and with ASCII letters in lower case. */
  hash: number;
  /** Stretches between white space. */
  words: number;
}

const FACTOR = 0x9e3779b1 | 0;
const TABLED = 256;

/** Tables in place of conditions, which no processor can foresee in a text: three times as fast. */
const white = Uint8Array.from({ length: TABLED }, (_, code) => (code === 32 || (code >= 9 && code <= 13) ? 1 : 0));
const factors = Int32Array.from(white, (isWhite) => (isWhite ? 1 : FACTOR));
const addends = Int32Array.from(white, (isWhite, code) => {
  const folded = code >= 65 && code <= 90 ? code | 32 : code;
  return isWhite ? 0 : addendOf(folded);
});

function addendOf(code: number): number {
  return scramble(code + 1);
}

export function looseHash(text: string): LooseHash {
  let hash = 0x2545f491;
  let words = 0;
  let before = 1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < TABLED) {
      hash = (Math.imul(hash, factors[code]!) + addends[code]!) | 0;
      const now = white[code]!;
      words += before & (now ^ 1);
      before = now;
    } else {
      hash = (Math.imul(hash, FACTOR) + addendOf(code)) | 0;
      words += before;
      before = 0;
    }
  }
  return { hash, words };
}

/** Every bit of the result hangs on every bit of the number (the end of MurmurHash3). */
export function scramble(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
