import type * as Ort from "onnxruntime-node";

/** The buffers grow in these steps: every run reads the whole of them, so that they are kept near the need. */
const CAPACITY_STEP = 128;

export interface KvShape {
  layers: number;
  kvHeads: number;
  headDim: number;
}

export interface KvBuffers {
  /** Positions. */
  capacity: number;
  /** [kvHeads, capacity, headDim] each: key 0, value 0, key 1, … as in `new_kv`. */
  arrays: Float32Array[];
  /** The same memory as the model's inputs. */
  feeds: Record<string, Ort.Tensor>;
}

export function bytesOfKv({ layers, kvHeads, headDim }: KvShape, capacity: number): number {
  return 2 * layers * kvHeads * headDim * capacity * Float32Array.BYTES_PER_ELEMENT;
}

/** Room for `length` positions, in whole steps. */
export function capacityFor(length: number): number {
  return Math.ceil(length / CAPACITY_STEP) * CAPACITY_STEP;
}

/** Keys and values of one sequence. Going back is a smaller length over the same buffers. */
export class KvCache {
  /** What the buffers hold. */
  readonly tokens: number[] = [];

  constructor(
    private readonly shape: KvShape,
    public buffers: KvBuffers,
  ) {}

  truncate(length: number): void {
    this.tokens.length = Math.min(this.tokens.length, length);
  }

  /** Adds `ids`, whose keys and values are `rows` [2·layers, kvHeads, ids.length, headDim]. */
  append(ids: readonly number[], rows: Float32Array): void {
    const { kvHeads, headDim } = this.shape;
    const { capacity, arrays } = this.buffers;
    const past = this.tokens.length;
    const block = ids.length * headDim;
    arrays.forEach((array, i) => {
      for (let head = 0; head < kvHeads; ++head) {
        const from = (i * kvHeads + head) * block;
        array.set(rows.subarray(from, from + block), (head * capacity + past) * headDim);
      }
    });
    this.tokens.push(...ids);
  }

  /** Takes over what `other` holds beyond this cache's own tokens, up to `end`. Up to here both must be the same. */
  extendFrom(other: KvCache, end: number): void {
    const start = this.tokens.length;
    this.copyRows(other.buffers, start, end);
    this.tokens.push(...other.tokens.slice(start, end));
  }

  /** Goes over to other buffers with all that it holds. */
  moveTo(buffers: KvBuffers): void {
    const before = this.buffers;
    this.buffers = buffers;
    this.copyRows(before, 0, this.tokens.length);
  }

  private copyRows(from: KvBuffers, start: number, end: number): void {
    const { kvHeads, headDim } = this.shape;
    this.buffers.arrays.forEach((array, i) => {
      const source = from.arrays[i]!;
      for (let head = 0; head < kvHeads; ++head) {
        const first = (head * from.capacity + start) * headDim;
        const rows = source.subarray(first, first + (end - start) * headDim);
        array.set(rows, (head * this.buffers.capacity + start) * headDim);
      }
    });
  }
}

export function commonPrefix(a: readonly number[], b: readonly number[]): number {
  const length = Math.min(a.length, b.length);
  let i = 0;
  while (i < length && a[i] === b[i]) ++i;
  return i;
}
