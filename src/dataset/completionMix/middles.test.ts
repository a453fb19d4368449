import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Middle, PythonSource, wordStart } from "./middles";
import { SeededRandom } from "./seededRandom";

const code = `import os

# Where it all begins.
LIMITS = {"a": 1, "b": [2, 3]}


class Reader:
    """Reads
    def not_code(): pass
    """

    def read(self, path, limit=10):
        with open(path) as file:  # as text
            lines = [line.strip() for line in file if line]
        if not lines and limit > 0:
            return None
        return os.path.join(path, lines[0])[:limit]
`;

function draw(text: string, count: number, seed = 0): Middle[] {
  const source = new PythonSource(text);
  const random = new SeededRandom("test", seed);
  return Array.from({ length: count }, () => source.draw(random)).filter((middle) => middle !== null);
}

const cut = ({ start, end }: Middle) => code.slice(start, end);
const ofKind = (kind: Middle["kind"]) => draw(code, 3000).filter((middle) => middle.kind === kind);

describe("PythonSource", () => {
  it("cuts lines to their ends, and none of comments or inside texts", () => {
    const lines = ofKind("line");
    expect(lines.length).toBeGreaterThan(100);
    for (const { end } of lines) expect(code[end]).toBe("\n");
    const whole = new Set(lines.map(cut));
    expect(whole).toContain("return None");
    expect(whole).toContain("            return None");
    expect([...whole].filter((text) => /begins|not_code|as text/.test(text))).toEqual([]);
    // As while typing: inside a word too.
    expect([...whole].some((text) => text.startsWith("eturn") || text.startsWith("turn"))).toBe(true);
  });

  it("cuts whole statements, from their indentation or from behind the colon", () => {
    const blocks = new Set(ofKind("block").map(cut));
    expect(blocks).toContain("if not lines and limit > 0:\n            return None");
    expect(blocks).toContain("\n            return None");
    expect([...blocks].some((text) => text.startsWith("with open") && text.endsWith("[:limit]"))).toBe(true);
  });

  it("cuts expressions that something follows on their line", () => {
    const expressions = new Set(ofKind("expression").map(cut));
    expect(expressions).toContain("self, path, limit=10");
    expect(expressions).toContain("not lines and limit > 0");
    expect(expressions).toContain("path, lines[0]");
    expect(expressions).not.toContain("os.path.join");
    for (const { end } of ofKind("expression")) expect(code.slice(end, code.indexOf("\n", end)).trim()).not.toBe("");
  });

  it("draws the same for the same seed, and others for another", () => {
    expect(draw(code, 50)).toEqual(draw(code, 50));
    expect(draw(code, 50)).not.toEqual(draw(code, 50, 1));
  });

  it("ends a continuation with the innermost body that is short enough", () => {
    const source = new PythonSource(code);
    const inWith = code.indexOf("line.strip");
    expect(code.slice(inWith, source.endOfBody(inWith)!)).toBe("line.strip() for line in file if line]");
    const inFunction = code.indexOf("not lines");
    expect(code.slice(0, source.endOfBody(inFunction)!).endsWith("[:limit]")).toBe(true);
  });

  it("survives any text, and keeps to its bounds", () => {
    const pieces = fc.constantFrom(
      "def f(",
      "):\n",
      "    ",
      '"""',
      "'",
      "class C:",
      "\n",
      "x",
      "\\",
      "(",
      "é",
      "😀",
      "#",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
        const text = parts.join("");
        for (const { start, end } of draw(text, 10)) {
          expect(start).toBeGreaterThanOrEqual(0);
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(text.length);
          expect(end - start).toBeLessThanOrEqual(480);
        }
      }),
    );
  });

  it("has nothing to draw from blank and commented files", () => {
    expect(draw("", 5)).toEqual([]);
    expect(draw("\n# only\n\n# comments\n", 5)).toEqual([]);
  });
});

describe("wordStart", () => {
  it.each([
    ["    retu", "   "],
    ["x = fo", "x ="],
    ["x = ", "x ="],
    ["x = f(", "x = f("],
    ["a = 1\n    ", "a = 1\n    "],
    ["", ""],
  ])("goes back over the begun word of %j", (text, before) => {
    expect(text.slice(0, wordStart(text, text.length))).toBe(before);
  });
});
