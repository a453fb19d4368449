import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makerOf, OPEN_SEQUENCES, Packer } from "./pack";

interface Item {
  id: number;
  tokens: { length: number };
}

function pack(
  lengths: number[],
  sequenceLength: number,
  maxOpen?: number,
): { sequences: Item[][]; mostWaiting: number } {
  const packer = new Packer<Item>(sequenceLength, maxOpen);
  const sequences: Item[][] = [];
  let mostWaiting = 0;
  lengths.forEach((length, id) => {
    sequences.push(...packer.add({ id, tokens: { length } }));
    mostWaiting = Math.max(mostWaiting, packer.waiting);
  });
  sequences.push(...packer.finish());
  return { sequences, mostWaiting };
}

const size = (sequence: Item[]) => sequence.reduce((sum, { tokens }) => sum + tokens.length, 0);

describe("packing", () => {
  it("loses, repeats and splits nothing, fits every sequence, and is deterministic", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 400 }),
        fc.integer({ min: 1, max: 5 }),
        (lengths, maxOpen) => {
          const { sequences } = pack(lengths, 100, maxOpen);
          const ids = sequences.flat().map(({ id }) => id);
          expect(ids.sort((a, b) => a - b)).toEqual(lengths.map((_, id) => id));
          for (const sequence of sequences) {
            expect(sequence.length).toBeGreaterThan(0);
            expect(size(sequence)).toBeLessThanOrEqual(100);
          }
          expect(pack(lengths, 100, maxOpen).sequences).toEqual(sequences);
        },
      ),
    );
  });

  it("puts a document where it fits best", () => {
    const { sequences } = pack([50, 70, 30, 50], 100);
    expect(sequences.map((sequence) => sequence.map(({ id }) => id))).toEqual([
      [1, 2],
      [0, 3],
    ]);
  });

  it("fills sequences well", () => {
    const lengths = Array.from({ length: 5000 }, (_, index) => 40 + ((index * 7919) % 400));
    const { sequences } = pack(lengths, 1024);
    const tokens = lengths.reduce((sum, length) => sum + length);
    expect(tokens / (sequences.length * 1024)).toBeGreaterThan(0.97);
  });

  it("holds a bounded number of documents, however many come", () => {
    const { mostWaiting } = pack(Array(20_000).fill(60), 100);
    expect(mostWaiting).toBe(OPEN_SEQUENCES);
  });

  it("refuses what cannot fit", () => {
    expect(() => pack([101], 100)).toThrow(RangeError);
    expect(() => pack([0], 100)).toThrow(RangeError);
  });

  it("is done unless it is turned off: then each document is a sequence, in their order", () => {
    const items = [50, 100, 20, 20].map((length, id) => ({ id, tokens: { length } }));
    const sequences = (packing?: boolean) => {
      const maker = makerOf<Item>(100, packing);
      return [...items.flatMap((item) => maker.add(item)), ...maker.finish()].map((made) => made.map(({ id }) => id));
    };
    expect(sequences()).toEqual([[1], [0, 2, 3]]);
    expect(sequences(true)).toEqual(sequences());
    expect(sequences(false)).toEqual([[0], [1], [2], [3]]);
    expect(() => makerOf<Item>(10, false).add(items[0]!)).toThrow(RangeError);
  });
});
