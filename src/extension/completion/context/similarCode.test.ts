import { describe, expect, it } from "vitest";
import { identifiersOf, jaccard, SimilarCode } from "./similarCode";

const code = (name: string, lines = 20) =>
  Array.from({ length: lines }, (_, i) => `    ${name}_${i} = read_${name}(${name}_path, ${name}_limit)`).join("\n");

describe("similarity", () => {
  it("is the share of names that two pieces have in common", () => {
    expect([...identifiersOf("for x_1 in self.rows: return Table(rows, 3)")]).toEqual(["x_1", "rows", "Table"]);
    expect(jaccard(new Set(["a", "b", "c"]), new Set(["b", "c", "d"]))).toBe(0.5);
    expect(jaccard(new Set(), new Set())).toBe(0);
  });
});

describe("similar code", () => {
  it("is found in other files, the most similar first", () => {
    const similar = new SimilarCode();
    similar.see("a.py", code("row"));
    similar.see("b.py", `${code("row", 10)}\n${code("column", 10)}`);
    similar.see("c.py", code("other"));
    const found = similar.resembling(code("row"), "d.py", 5);
    expect(found.map(({ path }) => path)).toEqual(["a.py", "b.py"]);
    expect(found[0]!.similarity).toBe(1);
    expect(similar.resembling(code("row"), "a.py", 5).map(({ path }) => path)).toEqual(["b.py"]);
    expect(similar.resembling("x = 1", "d.py", 5)).toEqual([]);
  });

  it("never gives two windows that overlap, and forgets what a file no longer holds", () => {
    const similar = new SimilarCode();
    similar.see("a.py", code("row", 60));
    const lines = similar.resembling(code("row", 60), "b.py", 9).map(({ line }) => line);
    expect(lines.length).toBeGreaterThan(1);
    const sorted = [...lines].sort((a, b) => a - b);
    for (let i = 1; i < sorted.length; ++i) expect(sorted[i]! - sorted[i - 1]!).toBeGreaterThanOrEqual(20);
    similar.see("a.py", code("other"));
    expect(similar.resembling(code("row"), "b.py", 9)).toEqual([]);
    similar.see("a.py", code("row"));
    similar.forget("a.py");
    expect(similar.resembling(code("row"), "b.py", 9)).toEqual([]);
  });

  it("keeps the files that were seen last, within its bounds", () => {
    const similar = new SimilarCode();
    const large = (name: string) => code(name, 5000);
    for (let i = 0; i < 12; ++i) similar.see(`${i}.py`, large(`name${i}x`));
    expect(similar.resembling(code("name0x"), "x.py", 1)).toEqual([]);
    expect(similar.resembling(code("name11x"), "x.py", 1)).toHaveLength(1);
  });
});
