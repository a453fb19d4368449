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

/** The bins, four to an element: a byte each, 0 where the bin is empty. */
export type Sketch = Int32Array;

/** Elements of a sketch. */
export const SKETCH_LENGTH = BINS / 4;

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
  const sketch = new Int32Array(SKETCH_LENGTH);
  for (let bin = 0; bin < BINS; bin++) {
    const value = least[bin]!;
    if (value === EMPTY) continue;
    const stored = ((value & 1) << 7) | (1 + ((value >>> 1) % VALUES));
    sketch[bin >> 2]! |= stored << ((bin & 3) * 8);
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

export function binOf(sketch: Sketch, bin: number): number {
  return (sketch[bin >> 2]! >>> ((bin & 3) * 8)) & 0xff;
}

/**
 * Null where the similarity is below `threshold`. `b` may lie within a larger array, from `offset` on. Four bins at a
 * time: each count below has four bytes, which are added up at the end, and a bin adds at most one to its byte.
 */
export function compare(a: Sketch, b: Int32Array, offset = 0, threshold = 0): Resemblance | null {
  let differentBins = 0;
  let oneEmptyBins = 0;
  let filledBins = 0;
  let answerBins = 0;
  let equalAnswerBins = 0;
  for (let at = 0; at < SKETCH_LENGTH; at++) {
    const mine = a[at]!;
    const other = b[offset + at]!;
    const different = filled(mine ^ other);
    const either = mine | other;
    differentBins += different;
    oneEmptyBins += filled(mine) ^ filled(other);
    filledBins += filled(either);
    answerBins += (either >>> 7) & BYTES;
    equalAnswerBins += (mine >>> 7) & BYTES & ~different;
  }
  const differ = sumOfBytes(differentBins);
  const full = sumOfBytes(filledBins);
  // Of the bins that are full in both and differ in truth, one in 127 agrees by accident.
  const accidents = (differ - sumOfBytes(oneEmptyBins)) / (VALUES - 1);
  const similarity = full === 0 ? 0 : Math.max(0, (full - differ - accidents) / full);
  if (similarity < threshold) return null;
  const answers = sumOfBytes(answerBins);
  return { similarity, answers: answers < FEWEST_ANSWER_BINS ? Number.NaN : sumOfBytes(equalAnswerBins) / answers };
}

/** Whether two elements of sketches have different values in a bin that neither has empty. */
export function contradicts(mine: number, other: number): boolean {
  return (filled(mine) & filled(other) & filled(mine ^ other)) !== 0;
}

const BYTES = 0x01010101;

/** 1 in each byte that is not 0. */
function filled(bytes: number): number {
  return ((((bytes & 0x7f7f7f7f) + 0x7f7f7f7f) | bytes) >>> 7) & BYTES;
}

/** Of bytes whose sum is less than 256. */
function sumOfBytes(bytes: number): number {
  return Math.imul(bytes, BYTES) >>> 24;
}
