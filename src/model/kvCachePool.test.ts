import { describe, expect, it } from "vitest";
import { bytesOfKv, commonPrefix, type KvBuffers, type KvCache } from "./kvCache";
import { KvCachePool } from "./kvCachePool";

const SHAPE = { layers: 2, kvHeads: 2, headDim: 3 };
/** Bytes of the smallest buffers. */
const UNIT = bytesOfKv(SHAPE, 128);

function newPool(units: number): { pool: KvCachePool; created: () => number } {
  let created = 0;
  const create = (capacity: number): KvBuffers => {
    created += 1;
    return { capacity, arrays: Array.from({ length: 4 }, () => new Float32Array(2 * capacity * 3)), feeds: {} };
  };
  return { pool: new KvCachePool(SHAPE, units * UNIT, create), created: () => created };
}

/** Adds tokens with rows that show token, layer and head. */
function fill(cache: KvCache, ids: number[]): void {
  const rows: number[] = [];
  for (let i = 0; i < 4; ++i) {
    for (let head = 0; head < 2; ++head)
      for (const id of ids) for (let d = 0; d < 3; ++d) rows.push(mark(id, i, head, d));
  }
  cache.append(ids, Float32Array.from(rows));
}

const mark = (id: number, i: number, head: number, d: number) => 1000 * id + 100 * i + 10 * head + d;

/** What the rows of the cache say its tokens are; throws where they contradict each other. */
function readBack(cache: KvCache): number[] {
  const { capacity, arrays } = cache.buffers;
  return cache.tokens.map((id, position) => {
    arrays.forEach((array, i) => {
      for (let head = 0; head < 2; ++head) {
        for (let d = 0; d < 3; ++d) {
          const value = array[(head * capacity + position) * 3 + d];
          if (value !== mark(id, i, head, d)) throw new Error(`${position}: ${value} is no row of ${id}`);
        }
      }
    });
    return id;
  });
}

const range = (length: number, first = 1) => Array.from({ length }, (_, i) => first + i);

function compute(pool: KvCachePool, document: string, prompt: number[], need = prompt.length): number {
  const cache = pool.take(document, prompt, need);
  const reused = cache.tokens.length;
  expect(readBack(cache)).toEqual(prompt.slice(0, reused));
  fill(cache, prompt.slice(reused));
  expect(readBack(cache)).toEqual(prompt);
  return reused;
}

describe("KvCachePool", () => {
  it("goes back to the common prefix, and never takes the last token from the cache", () => {
    const { pool } = newPool(10);
    expect(compute(pool, "a", range(50))).toBe(0);
    expect(compute(pool, "a", range(50))).toBe(49);
    expect(compute(pool, "a", [...range(20), 7, 7])).toBe(20);
    expect(compute(pool, "a", range(50))).toBe(20);
  });

  it("keeps rows when buffers grow and shrink", () => {
    const { pool } = newPool(100);
    compute(pool, "a", range(100));
    expect(compute(pool, "a", range(300))).toBe(100);
    expect(pool.take("a", range(300), 300).buffers.capacity).toBe(384);
    expect(compute(pool, "a", range(60))).toBe(59);
    expect(pool.take("a", range(60), 60).buffers.capacity).toBe(128);
  });

  it("gives a document what another one has of its prompt", () => {
    const { pool } = newPool(10);
    compute(pool, "a", range(80));
    compute(pool, "b", [...range(10), 99]);
    expect(compute(pool, "c", [...range(60), 5])).toBe(60);
    // Also a document that had less of it itself.
    expect(compute(pool, "b", [...range(60), 6])).toBe(60);
    expect(compute(pool, "a", range(80))).toBe(79);
  });

  it("keeps the place that the user has left in a document, and comes back to it", () => {
    const { pool } = newPool(20);
    const [there, elsewhere, third] = [range(600), [...range(30), ...range(400, 5000)], [...range(30), 9, 9]];
    compute(pool, "a", there);
    expect(compute(pool, "a", elsewhere)).toBe(30);
    expect(compute(pool, "a", there)).toBe(599);
    expect(compute(pool, "a", elsewhere)).toBe(429);
    // Of two places one goes for a third.
    expect(compute(pool, "a", third)).toBe(30);
    expect(compute(pool, "a", elsewhere)).toBe(429);
    expect(compute(pool, "a", there)).toBe(30);
    pool.forget("a");
    expect(pool.bytes).toBe(0);
  });

  it("does not keep what is only a few keys away", () => {
    const { pool } = newPool(20);
    compute(pool, "a", range(300));
    expect(compute(pool, "a", [...range(150), 7])).toBe(150);
    expect(pool.bytes).toBe(3 * UNIT);
  });

  it("gives up what was not used for longest, and keeps within the budget", () => {
    const { pool } = newPool(3);
    const own = { a: range(50, 100), b: range(50, 200), c: range(50, 300), d: range(50, 400) };
    compute(pool, "a", own.a);
    compute(pool, "b", own.b);
    compute(pool, "c", own.c);
    expect(compute(pool, "a", own.a)).toBe(49);
    compute(pool, "d", own.d);
    expect(pool.bytes).toBe(3 * UNIT);
    expect(compute(pool, "c", own.c)).toBe(49);
    expect(compute(pool, "a", own.a)).toBe(49);
    expect(compute(pool, "b", own.b)).toBe(0);
  });

  it("takes over buffers instead of making new ones", () => {
    const { pool, created } = newPool(2);
    for (let i = 0; i < 20; ++i) compute(pool, `document ${i}`, range(50, 100 * i));
    expect(created()).toBe(2);
    expect(pool.bytes).toBe(2 * UNIT);
  });

  it("serves one document even where the budget is too small for it", () => {
    const { pool } = newPool(1);
    compute(pool, "a", range(50, 100));
    expect(compute(pool, "b", range(300))).toBe(0);
    expect(pool.bytes).toBe(3 * UNIT);
    expect(compute(pool, "b", range(301))).toBe(300);
    expect(compute(pool, "a", range(50, 100))).toBe(0);
    expect(pool.bytes).toBe(UNIT);
  });

  it("takes from another document even where only one of them fits", () => {
    const { pool } = newPool(1);
    compute(pool, "a", range(50));
    expect(compute(pool, "b", [...range(40), 7])).toBe(40);
    expect(pool.bytes).toBe(UNIT);
  });

  it("forgets a document with its memory", () => {
    const { pool } = newPool(10);
    compute(pool, "a", range(50));
    compute(pool, "b", range(50, 100));
    pool.forget("a");
    pool.forget("nobody");
    expect(pool.bytes).toBe(UNIT);
    expect(compute(pool, "a", range(50))).toBe(0);
    pool.clear();
    expect(pool.bytes).toBe(0);
  });

  it("keeps the last used document where the budget shrinks", () => {
    const { pool } = newPool(10);
    compute(pool, "a", range(50));
    compute(pool, "b", range(50, 100));
    pool.limit(0);
    expect(pool.bytes).toBe(UNIT);
    expect(compute(pool, "b", range(50, 100))).toBe(49);
  });

  it("gives the same as a plain computation, whatever is asked in which order", () => {
    const { pool } = newPool(4);
    let state = 7;
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % below;
    };
    for (let i = 0; i < 400; ++i) {
      const prompt = [...range(1 + random(200)), ...range(random(60), 1 + random(4))];
      // `compute` reads every row back.
      compute(pool, `document ${random(6)}`, prompt, prompt.length + random(100));
      expect(pool.bytes).toBeLessThanOrEqual(4 * UNIT);
      if (random(20) === 0) pool.forget(`document ${random(6)}`);
    }
  });
});

describe("commonPrefix", () => {
  it.each([
    [[], [], 0],
    [[1, 2], [1, 2, 3], 2],
    [[1, 2, 3], [1, 5, 3], 1],
    [[4], [5], 0],
  ])("of %j and %j is %i long", (a, b, length) => {
    expect(commonPrefix(a, b)).toBe(length);
  });
});
