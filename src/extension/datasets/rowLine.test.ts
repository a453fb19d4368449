import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findRow, followLine } from "./rowLine";

const change = (startLine: number, endLine: number, character: number, text: string) => ({
  range: { start: { line: startLine }, end: { line: endLine, character } },
  text,
});

describe("a row's line", () => {
  it("moves with what is put in or taken out above it", () => {
    expect(followLine(5, change(1, 1, 3, "a\nb\r\nc"))).toBe(7);
    expect(followLine(5, change(1, 4, 2, ""))).toBe(2);
    expect(followLine(5, change(5, 5, 0, "row\n"))).toBe(6);
    expect(followLine(5, change(4, 5, 0, ""))).toBe(4);
  });

  it("stays for changes within it and beneath it", () => {
    expect(followLine(5, change(5, 5, 3, "x"))).toBe(5);
    expect(followLine(5, change(6, 9, 0, "\n\n"))).toBe(5);
    expect(followLine(5, change(5, 5, 0, "x"))).toBe(5);
  });

  it("is found by the row's text, the nearest first", () => {
    const lines = ["a", "b", "a", "c", "a"];
    const find = (line: number, row: string) => findRow((at) => lines[at]!, lines.length, line, row);
    expect([find(2, "a"), find(3, "a"), find(1, "c"), find(0, "z"), find(99, "b")]).toEqual([2, 2, 3, null, 1]);
  });

  it("is found wherever it is", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 12 }), fc.nat(15), (lines, line) => {
        const found = findRow((at) => lines[at]!, lines.length, line, "a");
        expect(found === null).toBe(!lines.includes("a"));
        if (found !== null) expect(lines[found]).toBe("a");
      }),
    );
  });
});
