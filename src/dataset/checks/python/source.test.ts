import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sourceOf, withoutMagics, withoutPrompts } from "./source";

const whole = (text: string) => sourceOf(text, 0, text.length);

describe("source", () => {
  it("takes the indentation that all lines have", () => {
    const source = whole("    x = 1\n\n      y\r\n    z");
    expect(source.code).toBe("x = 1\n\n  y\nz");
    expect(source.lines.map(({ start }) => start)).toEqual([4, 10, 15, 24]);
  });

  it("keeps code that is not indented as it is", () => {
    expect(whole("x\r\n  y").code).toBe("x\r\n  y");
  });

  it("gets through ten million empty lines", () => {
    expect(whole("\n".repeat(10_000_000)).code).toHaveLength(10_000_000);
  });

  it("gives every line where it stands in the text", () => {
    const line = fc.constantFrom("", "x = 1", "  y", "\tz", "    é😀", ">>> a", "... b", "%time c", "    !ls");
    const end = fc.constantFrom("\n", "\r\n", "\r");
    fc.assert(
      fc.property(fc.array(fc.tuple(line, end)), (parts) => {
        const text = `before\n${parts.flat().join("")}`;
        const source = sourceOf(text, 7, text.length);
        for (const each of source.lines) expect(text.slice(each.start, each.end)).toBe(each.code);
        for (const each of withoutPrompts(source)?.lines ?? []) {
          if (each.code !== "") expect(text.slice(each.start, each.end)).toBe(each.code);
        }
        expect((withoutMagics(source) ?? source).lines).toHaveLength(source.lines.length);
      }),
    );
  });

  it("reads an interactive session", () => {
    const text = ">>> def f(x):\n...     return x\n...\n>>> f(1)\n1\n>>> f('a b')\n'a b'\n\ny = 1";
    expect(withoutPrompts(whole(text))!.code).toBe("def f(x):\n    return x\n\nf(1)\n\nf('a b')\n\n\ny = 1");
    expect(withoutPrompts(whole("x = 1"))).toBeNull();
  });

  it("replaces magic commands", () => {
    expect(withoutMagics(whole("%matplotlib inline\nif x:\n    !pip install y"))!.code).toBe("pass\nif x:\n    pass");
    expect(withoutMagics(whole("x = 5 % y"))).toBeNull();
  });
});
