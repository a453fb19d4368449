/**
 * A row's MinHash sketch: how much two rows have in common, told from 128 bytes each.
 *
 * The row is the set of its shingles (three tokens that follow each other; a token is a word in lower case or a single
 * other character). One-permutation hashing (Li, Owen, Zhang 2012): each shingle is hashed once and falls into one of
 * 128 bins, each bin keeps its least hash, of which seven bits are stored; the eighth says whether the shingle is the
 * answer's. The share of bins that agree estimates the Jaccard similarity, with a standard error of at most 0.045.
 */

import type { TextPart } from "../checks/textPart";
import { scramble } from "./fingerprint";

export const BINS = 128;
/** Tokens that follow each other. */
export const SHINGLE = 3;
/** Rows with fewer words are compared exactly only: in so short a text one word makes all the difference. */
export const FEWEST_WORDS = 8;
/** What lies further on in a row is not sketched: UTF-16 code units. */
export const MOST_CHARACTERS = 262_144;

/** 0: the bin is empty. */
export type Sketch = Uint8Array;

export interface Resemblance {
  /** Estimated Jaccard similarity of the rows' shingles: 0 to 1. */
  similarity: number;
  /** The share of the answers' bins that agree; NaN where too few bins are the answers' to tell. */
  answers: number;
}

const EMPTY = 0x7fff_ffff;
/** What seven bits without the zero can tell apart. */
const VALUES = 127;
/** Fewer bins say nothing of the answers. */
const FEWEST_ANSWER_BINS = 4;

const WHITE = 0;
const WORD = 1;
const OTHER = 2;

const asciiKinds = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (/\w/.test(character)) return WORD;
  return /[\s\0]/.test(character) ? WHITE : OTHER;
});

const least = new Int32Array(BINS);

/**
 * Null where the row has too few words. System texts are left out: they are the same in all rows of most files, and
 * would make strangers look alike.
 */
export function sketchOf(texts: readonly TextPart[]): Sketch | null {
  least.fill(EMPTY);
  let room = MOST_CHARACTERS;
  let words = 0;
  for (const { text, role } of texts) {
    if (role === "system" || room <= 0) continue;
    words += addShingles(text, Math.min(text.length, room), role === "answer" ? 1 : 0);
    room -= text.length;
  }
  if (words < FEWEST_WORDS) return null;
  const sketch = new Uint8Array(BINS);
  for (let bin = 0; bin < BINS; bin++) {
    const value = least[bin]!;
    if (value !== EMPTY) sketch[bin] = ((value & 1) << 7) | (1 + ((value >>> 1) % VALUES));
  }
  return sketch;
}

/** Returns the number of words. */
function addShingles(text: string, end: number, answer: 0 | 1): number {
  let words = 0;
  let tokens = 0;
  let first = 0;
  let second = 0;
  let at = 0;
  while (at < end) {
    let code = text.charCodeAt(at++);
    let kind = kindOf(code);
    if (kind === WHITE) continue;
    let token = Math.imul(fold(code) ^ 0x811c9dc5, 0x01000193);
    if (kind === WORD) {
      words++;
      while (at < end) {
        code = text.charCodeAt(at);
        kind = kindOf(code);
        if (kind !== WORD) break;
        token = Math.imul(((token << 5) | (token >>> 27)) ^ fold(code), 0x9e3779b1);
        at++;
      }
    } else if (code >= FIRST_IDEOGRAPH) words++;
    token = scramble(token);
    tokens++;
    if (tokens >= SHINGLE) addShingle(first, second, token, answer);
    first = second;
    second = token;
  }
  // A text of one or two tokens is a shingle of its own.
  if (tokens > 0 && tokens < SHINGLE) addShingle(0, first, second, answer);
  return words;
}

function addShingle(first: number, second: number, third: number, answer: 0 | 1): void {
  const hash = scramble(
    (Math.imul(first, 0x2c1b3c6d) + Math.imul(second, 0x297a2d39) + Math.imul(third, 0x9e3779b1) + answer) | 0,
  );
  const bin = hash >>> 25;
  const value = ((hash & 0x01ff_ffff) << 1) | answer;
  if (value < least[bin]!) least[bin] = value;
}

/** From here on scripts are written without spaces (CJK): each character is a token. Emoji come here too. */
const FIRST_IDEOGRAPH = 0x2e80;

function kindOf(code: number): number {
  if (code < 128) return asciiKinds[code]!;
  if (code === 0xa0 || code === 0x3000) return WHITE;
  return code >= FIRST_IDEOGRAPH || (code >= 0x2000 && code < 0x2070) ? OTHER : WORD;
}

function fold(code: number): number {
  return code >= 65 && code <= 90 ? code | 32 : code;
}

/**
 * Null where the similarity is below `threshold`: strangers, which most candidates are, are told after a few bins. `b`
 * may lie within a larger array, from `offset` on.
 */
export function compare(a: Sketch, b: Uint8Array, offset = 0, threshold = 0): Resemblance | null {
  let room = Math.floor((1 - threshold) * BINS);
  let bothEmpty = 0;
  let oneEmpty = 0;
  let different = 0;
  let answers = 0;
  let equalAnswers = 0;
  for (let bin = 0; bin < BINS; bin++) {
    const mine = a[bin]!;
    const other = b[offset + bin]!;
    if (mine !== other) {
      if (room-- === 0) return null;
      if (mine === 0 || other === 0) oneEmpty++;
      else different++;
      answers += (mine | other) >> 7;
    } else if (mine === 0) bothEmpty++;
    else {
      equalAnswers += mine >> 7;
    }
  }
  answers += equalAnswers;
  const filled = BINS - bothEmpty;
  // Of the full bins that differ in truth, one in 127 agrees by accident.
  const equal = filled - oneEmpty - different - different / (VALUES - 1);
  const similarity = filled === 0 ? 0 : Math.max(0, equal / filled);
  if (similarity < threshold) return null;
  return { similarity, answers: answers < FEWEST_ANSWER_BINS ? Number.NaN : equalAnswers / answers };
}
