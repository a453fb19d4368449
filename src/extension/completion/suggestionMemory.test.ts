import { describe, expect, it } from "vitest";
import { SuggestionMemory } from "./suggestionMemory";

const entry = { id: "1", model: "m", ahead: false };

/** The suggestion `text` was made at ‸ in `before`; what is recalled at ‸ in `now`, spliced in. */
function recalled(before: string, text: string, covered: number, now: string): string | null {
  const memory = new SuggestionMemory();
  const [prefix, suffix] = before.split("‸") as [string, string];
  memory.remember("a.py", { ...entry, prefix, text, tail: suffix.slice(covered) });
  const [prefixNow, suffixNow] = now.split("‸") as [string, string];
  const found = memory.recall("a.py", { prefix: prefixNow, suffix: suffixNow });
  return found && prefixNow + found.text + suffixNow.slice(found.covered);
}

describe("a suggestion", () => {
  it.each<[string, string, number, string, string | null]>([
    ["x = ‸\n", "f(a, b)", 0, "x = ‸\n", "x = f(a, b)\n"],
    ["x = ‸\n", "f(a, b)", 0, "x = f‸\n", "x = f(a, b)\n"],
    // The editor has closed the bracket.
    ["x = ‸\n", "f(a, b)", 0, "x = f(‸)\n", "x = f(a, b)\n"],
    ["x = ‸\n", "f(a, b)", 0, "x = f(a, ‸)\n", "x = f(a, b)\n"],
    // … or does not.
    ["x = ‸\n", "f(a, b)", 0, "x = f(a, ‸\n", "x = f(a, b)\n"],
    ["x = ‸\n", "f(a, b)", 0, "x = f(a, b)‸\n", null],
    ["x = ‸\n", "f(a, b)", 0, "x = f(c‸)\n", null],
    ["x = ‸\n", "f(a, b)", 0, "x = f(‸) + 1\n", null],
    ["x = ‸\n", "f('a')", 0, "x = f('‸')\n", "x = f('a')\n"],
    ["x = f(‸)\n", "a, b)", 1, "x = f(a, ‸)\n", "x = f(a, b)\n"],
    ["x = f(‸)\n", "a, b)", 1, "x = f(a, b)‸\n", null],
    ["x = ‸\n", "f(a, b)", 0, "y = ‸\n", null],
    ["x = ‸\n", "f(a, b)", 0, "x =‸\n", null],
    ["x = ‸\n", "f(a, b)", 0, "x = ‸\n# more\n", null],
    ["def f():‸\n", "\n    return 1", 0, "def f():\n    ‸\n", "def f():\n    return 1\n"],
    ["def f():‸\n", "\n    return 1", 0, "def f():\n  ‸\n", "def f():\n    return 1\n"],
    ["def f():‸\n", "\n    return 1", 0, "def f():\n        ‸\n", null],
  ])("at %j, %j covering %i, is at %j: %j", (before, text, covered, now, expected) => {
    expect(recalled(before, text, covered, now)).toBe(expected);
  });

  it("is still there when the window around the cursor moves on in a long file", () => {
    const above = Array.from({ length: 2000 }, (_, i) => `line_${i} = ${i}\n`).join("");
    const memory = new SuggestionMemory();
    memory.remember("a.py", { ...entry, prefix: `${above}x = `.slice(-24_000), text: "value", tail: "" });
    const found = memory.recall("a.py", { prefix: `${above}x = va`.slice(-24_000), suffix: "" });
    expect(found?.text).toBe("lue");
    expect(memory.recall("a.py", { prefix: `${above}y = va`.slice(-24_000), suffix: "" })).toBeNull();
  });
});

describe("the memory", () => {
  const at = (prefix: string) => ({ ...entry, prefix, text: "text", tail: "" });
  const has = (memory: SuggestionMemory, document: string, prefix: string) =>
    memory.recall(document, { prefix, suffix: "" }) !== null;

  it("holds the last eight of each of the last eight documents", () => {
    const memory = new SuggestionMemory();
    for (let i = 0; i < 9; i++) memory.remember("a", at(`x${i} = `));
    expect([has(memory, "a", "x0 = "), has(memory, "a", "x1 = "), has(memory, "a", "x8 = ")]).toEqual([
      false,
      true,
      true,
    ]);
    for (let i = 0; i < 8; i++) memory.remember(`b${i}`, at("x"));
    expect([has(memory, "a", "x8 = "), has(memory, "b0", "x")]).toEqual([false, true]);
  });

  it("takes the newer one for the same place", () => {
    const memory = new SuggestionMemory();
    memory.remember("a", at("x = "));
    memory.remember("a", { ...at("x = "), text: "other" });
    expect(memory.recall("a", { prefix: "x = ", suffix: "" })?.text).toBe("other");
    expect(memory.recall("a", { prefix: "x = t", suffix: "" })).toBeNull();
  });

  it("forgets", () => {
    const memory = new SuggestionMemory();
    memory.remember("a", at("x"));
    memory.remember("b", at("x"));
    memory.forget("a");
    expect([has(memory, "a", "x"), has(memory, "b", "x")]).toEqual([false, true]);
    memory.clear();
    expect(has(memory, "b", "x")).toBe(false);
  });
});
