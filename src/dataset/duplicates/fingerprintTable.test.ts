import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FingerprintTable } from "./fingerprintTable";

describe("the table of fingerprints", () => {
  it("is a map, whatever is put in", () => {
    // Few different halves, so that fingerprints meet in their slots and in one half.
    const half = fc.constantFrom(0, 1, -1, 1024, 2048, 0x7fffffff, -0x80000000);
    const fingerprints = fc.array(fc.record({ high: half, low: half }), { maxLength: 60 });
    fc.assert(
      fc.property(fingerprints, (list) => {
        const table = new FingerprintTable(1000);
        const map = new Map<string, { row: number; value: number }>();
        list.forEach((fingerprint, row) => {
          const key = `${fingerprint.high} ${fingerprint.low}`;
          expect(table.get(fingerprint)).toEqual(map.get(key) ?? null);
          if (map.has(key)) return;
          expect(table.add(fingerprint, row, ~row)).toBe(true);
          map.set(key, { row, value: ~row });
        });
        expect(table.size).toBe(map.size);
      }),
    );
  });

  it("keeps all entries when it grows", () => {
    const table = new FingerprintTable(1_000_000);
    for (let row = 0; row < 20_000; row++) table.add({ high: Math.imul(row, 77), low: row * 3 }, row);
    for (let row = 0; row < 20_000; row++) {
      expect(table.get({ high: Math.imul(row, 77), low: row * 3 })?.row).toBe(row);
    }
    expect(table.get({ high: 5, low: 5 })).toBeNull();
  });

  it("holds as many as it may", () => {
    const table = new FingerprintTable(2, 2);
    expect([1, 2, 3].map((low) => table.add({ high: 0, low }, low))).toEqual([true, true, false]);
    expect(table.get({ high: 0, low: 3 })).toBeNull();
  });
});
