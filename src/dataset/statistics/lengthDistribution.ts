/** How long the rows of a file are: counted as they stream by, in bounded memory. */

export interface LengthBin {
  /** Lengths from `from` up to, but not including, `to`. */
  from: number;
  to: number;
  rows: number;
}

/** All figures in the distribution's unit; 0 where nothing was counted. */
export interface LengthFigures {
  rows: number;
  total: number;
  mean: number;
  min: number;
  max: number;
  /** Exact up to 100,000 rows, then of a fair sample of as many. */
  p5: number;
  p25: number;
  p50: number;
  p75: number;
  p95: number;
  p99: number;
  /** Without the empty bins at both ends. */
  histogram: LengthBin[];
}

const SAMPLE = 100_000;

/** Ten edges a decade that people can read (Renard's R10); each is about a quarter more than the one before. */
const DECADE = [10, 12.5, 16, 20, 25, 32, 40, 50, 64, 80];

/** 0, 1 to 10 one by one, then ten bins a decade: 12.5 becomes 13 below 100. */
const EDGES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...[0, 1, 2, 3, 4, 5, 6, 7, 8].flatMap(decadeOf), 10 ** 10];

function decadeOf(power: number): number[] {
  return DECADE.map((edge) => Math.round(edge * 10 ** power));
}

export class LengthDistribution {
  private readonly counts = new Array<number>(EDGES.length - 1).fill(0);
  private sample: number[] = [];
  private sorted = true;
  private rows = 0;
  private total = 0;
  private min = Number.POSITIVE_INFINITY;
  private max = 0;
  private random = 0x9e3779b9;

  constructor(private readonly sampleSize = SAMPLE) {}

  get size(): number {
    return this.rows;
  }

  /** `length`: a whole number, 0 or more. */
  add(length: number): void {
    this.rows++;
    this.total += length;
    if (length < this.min) this.min = length;
    if (length > this.max) this.max = length;
    this.counts[binOf(length)]!++;
    this.keep(length);
  }

  /** The least length that at least `share` of the rows do not exceed; 0 without rows. */
  quantile(share: number): number {
    if (this.sample.length === 0) return 0;
    if (!this.sorted) {
      // Typed arrays sort several times faster than arrays with a comparison.
      this.sample = Array.from(Float64Array.from(this.sample).sort());
      this.sorted = true;
    }
    return this.sample[Math.max(0, Math.ceil(share * this.sample.length) - 1)]!;
  }

  figures(): LengthFigures {
    return {
      rows: this.rows,
      total: this.total,
      mean: this.rows === 0 ? 0 : this.total / this.rows,
      min: this.rows === 0 ? 0 : this.min,
      max: this.max,
      p5: this.quantile(0.05),
      p25: this.quantile(0.25),
      p50: this.quantile(0.5),
      p75: this.quantile(0.75),
      p95: this.quantile(0.95),
      p99: this.quantile(0.99),
      histogram: this.histogram(),
    };
  }

  private histogram(): LengthBin[] {
    const first = this.counts.findIndex((rows) => rows > 0);
    if (first < 0) return [];
    const last = this.counts.findLastIndex((rows) => rows > 0);
    return this.counts
      .slice(first, last + 1)
      .map((rows, index) => ({ from: EDGES[first + index]!, to: EDGES[first + index + 1]!, rows }));
  }

  /** Every row has the same chance to be in the sample (Vitter's algorithm R); the same rows give the same sample. */
  private keep(length: number): void {
    if (this.sample.length < this.sampleSize) {
      this.sample.push(length);
      this.sorted = false;
      return;
    }
    this.random ^= this.random << 13;
    this.random ^= this.random >>> 17;
    this.random ^= this.random << 5;
    const place = Math.floor(((this.random >>> 0) / 2 ** 32) * this.rows);
    if (place >= this.sampleSize) return;
    this.sample[place] = length;
    this.sorted = false;
  }
}

function binOf(length: number): number {
  let low = 0;
  let high = EDGES.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (EDGES[middle]! <= length) low = middle;
    else high = middle - 1;
  }
  return low;
}
