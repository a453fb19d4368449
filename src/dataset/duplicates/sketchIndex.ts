/**
 * Finds the rows that resemble a sketch, by locality-sensitive hashing: a sketch is cut into 16 bands of eight bins, and
 * only rows that agree in a whole band are compared. Of pairs with a similarity of 0.9 it finds 99.9 %, of 0.8 95 %.
 *
 * Linear even where thousands of rows share a long beginning and so share bands: the newest row of each band's bucket is
 * compared, then the one before it in each, and so on, until MOST_COMPARED rows were. Memory: about 270 bytes a row, `bytes` says it exactly.
 */

import { scramble } from "./fingerprint";
import type { RowFacts } from "./rowFacts";
import { BINS, binOf, compare, contradicts, SKETCH_LENGTH, type Sketch } from "./sketch";

const BANDS = 16;
const BAND_BINS = BINS / BANDS;
const BAND_LENGTH = SKETCH_LENGTH / BANDS;
export const MOST_COMPARED = 64;
/** Of one bucket: most of them were compared by way of another. */
const MOST_PER_BUCKET = 16;

/**
 * Rows whose answers have less in common are not near-duplicates, however alike the rest is: questions about one long
 * passage, or behind one long introduction.
 */
const LEAST_ANSWER_SIMILARITY = 0.4;

const ENOUGH_MATCHES = 8;
const SMALLEST = 1024;
const NONE = -1;

export interface Match {
  row: number;
  /** Estimated Jaccard similarity: 0 to 1. */
  similarity: number;
}

export interface SketchIndexOptions {
  /** The least similarity of a match. */
  threshold: number;
  /** Rows that are held at most. */
  limit: number;
  /** Rows that will come: room is made beforehand. */
  expected?: number;
}

export type Sketched = Pick<RowFacts, "answer"> & { sketch: Sketch };

export class SketchIndex {
  private readonly threshold: number;
  private readonly limit: number;
  private used = 0;
  private rows: Uint32Array;
  private answers: Int32Array;
  private sketches: Int32Array;
  /** The query that last looked at an entry: most candidates come from several bands. */
  private seen: Int32Array;
  private query = 0;
  /** The newest entry of each bucket, band after band, and of each entry the one before it in its bucket. */
  private newest: Int32Array;
  private before: Int32Array;

  constructor({ threshold, limit, expected = 0 }: SketchIndexOptions) {
    this.threshold = threshold;
    this.limit = limit;
    const entries = Math.min(Math.max(expected, SMALLEST), limit);
    this.rows = new Uint32Array(entries);
    this.answers = new Int32Array(entries);
    this.sketches = new Int32Array(entries * SKETCH_LENGTH);
    this.seen = new Int32Array(entries);
    this.before = new Int32Array(entries * BANDS);
    this.newest = new Int32Array(bucketsFor(entries) * BANDS).fill(NONE);
  }

  get size(): number {
    return this.used;
  }

  get bytes(): number {
    const { rows, answers, sketches, seen, newest, before } = this;
    return [rows, answers, sketches, seen, newest, before].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** False: the index holds as many rows as it may. */
  add(row: number, { sketch, answer }: Sketched): boolean {
    if (this.used >= this.limit) return false;
    if (this.used === this.rows.length) this.grow();
    const entry = this.used++;
    this.rows[entry] = row;
    this.answers[entry] = answer;
    this.sketches.set(sketch, entry * SKETCH_LENGTH);
    this.link(entry, sketch);
    return true;
  }

  /**
   * The most similar row of the first few found, of equally similar ones the first; null where none reaches the
   * threshold. One is enough where thousands of rows are all alike.
   */
  nearest(facts: Sketched): Match | null {
    return this.matches(facts, ENOUGH_MATCHES).reduce<Match | null>(
      (best, match) => (best && !closer(match, best) ? best : match),
      null,
    );
  }

  /** Rows that reach the threshold, `most` at most, in no particular order. */
  matches({ sketch, answer }: Sketched, most = MOST_COMPARED): Match[] {
    this.query++;
    const found: Match[] = [];
    let compared = 0;
    const next = this.heads(sketch);
    for (let depth = 0; depth < MOST_PER_BUCKET; depth++) {
      for (let band = 0; band < BANDS; band++) {
        const entry = next[band]!;
        if (entry === NONE) continue;
        next[band] = this.before[entry * BANDS + band]!;
        if (this.seen[entry] === this.query || !this.sharesBand(entry, sketch, band)) continue;
        this.seen[entry] = this.query;
        const similarity = this.similarity(entry, sketch, answer);
        if (similarity > 0) found.push({ row: this.rows[entry]!, similarity });
        if (++compared === MOST_COMPARED || found.length === most) return found;
      }
    }
    return found;
  }

  /** False for most strangers that only met in the bucket. */
  private sharesBand(entry: number, sketch: Sketch, band: number): boolean {
    const from = band * BAND_LENGTH;
    const at = entry * SKETCH_LENGTH + from;
    for (let offset = 0; offset < BAND_LENGTH; offset++) {
      if (contradicts(sketch[from + offset]!, this.sketches[at + offset]!)) return false;
    }
    return true;
  }

  /** The newest entry of the sketch's bucket in each band. The array is used again by the next call. */
  private heads(sketch: Sketch): Int32Array {
    const keys = bandKeys(sketch);
    const mask = this.newest.length / BANDS - 1;
    for (let band = 0; band < BANDS; band++) heads[band] = this.newest[bucketOf(keys[band]!, mask, band)]!;
    return heads;
  }

  /** 0 where the row is no match. */
  private similarity(entry: number, sketch: Sketch, answer: number): number {
    const resemblance = compare(sketch, this.sketches, entry * SKETCH_LENGTH, this.threshold);
    if (resemblance === null) return 0;
    const { similarity, answers } = resemblance;
    const sameAnswer = Number.isNaN(answers) ? this.answers[entry] === answer : answers >= LEAST_ANSWER_SIMILARITY;
    return sameAnswer ? similarity : 0;
  }

  private link(entry: number, sketch: Sketch): void {
    const keys = bandKeys(sketch);
    const mask = this.newest.length / BANDS - 1;
    for (let band = 0; band < BANDS; band++) {
      const bucket = bucketOf(keys[band]!, mask, band);
      this.before[entry * BANDS + band] = this.newest[bucket]!;
      this.newest[bucket] = entry;
    }
  }

  private grow(): void {
    const entries = Math.min(this.limit, this.rows.length * 2);
    this.rows = enlarged(this.rows, new Uint32Array(entries));
    this.answers = enlarged(this.answers, new Int32Array(entries));
    this.sketches = enlarged(this.sketches, new Int32Array(entries * SKETCH_LENGTH));
    this.seen = enlarged(this.seen, new Int32Array(entries));
    this.before = new Int32Array(entries * BANDS);
    this.newest = new Int32Array(bucketsFor(entries) * BANDS).fill(NONE);
    for (let entry = 0; entry < this.used; entry++) {
      this.link(entry, this.sketches.subarray(entry * SKETCH_LENGTH, (entry + 1) * SKETCH_LENGTH));
    }
  }
}

export function closer(match: Match, than: Match): boolean {
  return match.similarity > than.similarity || (match.similarity === than.similarity && match.row < than.row);
}

/** One or two entries a bucket: a stranger in the bucket costs one comparison. */
function bucketsFor(entries: number): number {
  return 2 ** Math.max(0, Math.ceil(Math.log2(entries)) - 1);
}

function bucketOf(key: number, mask: number, band: number): number {
  return (key & mask) * BANDS + band;
}

function enlarged<A extends Int32Array | Uint32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}

/**
 * Where an empty bin looks for a full one whose value it borrows (optimal densification, Shrivastava 2017): without it
 * rows of few shingles would agree in their empty bins. For the bands only: `compare` does better without.
 */
const PROBES = 64;
const probes = Uint8Array.from(
  { length: BINS * PROBES },
  (_, index) => scramble(Math.imul(index + 1, 0x9e3779b1)) >>> 25,
);
const dense = new Uint8Array(BINS);
const keys = new Int32Array(BANDS);
const heads = new Int32Array(BANDS);

/** A row is first looked for and then added: its keys are made once. */
let sketchOfKeys: Sketch | null = null;

/** The array is used again by the next call. */
function bandKeys(sketch: Sketch): Int32Array {
  if (sketch === sketchOfKeys) return keys;
  sketchOfKeys = sketch;
  for (let bin = 0; bin < BINS; bin++) dense[bin] = binOf(sketch, bin) || borrow(sketch, bin);
  for (let band = 0; band < BANDS; band++) {
    let key = band + 1;
    for (let bin = band * BAND_BINS; bin < (band + 1) * BAND_BINS; bin++)
      key = Math.imul(key ^ dense[bin]!, 0x01000193);
    keys[band] = scramble(key);
  }
  return keys;
}

function borrow(sketch: Sketch, bin: number): number {
  for (let probe = 0; probe < PROBES; probe++) {
    const value = binOf(sketch, probes[bin * PROBES + probe]!);
    if (value !== 0) return value;
  }
  return 0;
}
