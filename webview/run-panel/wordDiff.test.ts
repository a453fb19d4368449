import fc from "fast-check";
import { expect, it } from "vitest";
import { wordDiff } from "./wordDiff";

const shown = (before: string, after: string) =>
  wordDiff(before, after).map(({ kind, text }) =>
    kind === "same" ? text : `${kind === "added" ? "+" : "-"}[${text}]`,
  );

it("tells words that were put in place of others", () => {
  expect(shown("def largest(prices):", "def biggest(prices):")).toEqual([
    "def ",
    "-[largest]",
    "+[biggest]",
    "(prices):",
  ]);
});

it("tells what was added and what was taken away", () => {
  expect(shown("a c", "a b c")).toEqual(["a ", "+[b ]", "c"]);
  expect(shown("a b c", "a c")).toEqual(["a ", "-[b ]", "c"]);
  expect(shown("", "new")).toEqual(["+[new]"]);
  expect(shown("old", "")).toEqual(["-[old]"]);
  expect(shown("same", "same")).toEqual(["same"]);
  expect(shown("", "")).toEqual([]);
});

it("gives back both texts, whatever they are, and never two neighbours of a kind", () => {
  const text = fc.array(fc.constantFrom("a", "b", "return ", "\n    ", "(", ")", "naïve", "😀"), { maxLength: 40 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      const [before, after] = [a.join(""), b.join("")];
      const parts = wordDiff(before, after);
      const without = (kind: string) => parts.filter((part) => part.kind !== kind).map((part) => part.text);
      expect(without("added").join("")).toBe(before);
      expect(without("removed").join("")).toBe(after);
      expect(parts.some((part, index) => part.kind === parts[index - 1]?.kind)).toBe(false);
    }),
  );
});

it("finds the longest common part", () => {
  const same = wordDiff("x alpha y beta z gamma", "alpha 1 beta 2 gamma 3").filter(({ kind }) => kind === "same");
  expect(same.map(({ text }) => text.trim())).toEqual(["alpha", "beta", "gamma"]);
});

it("does not make much of what is the same by chance", () => {
  const [before, after] = ["if type(Ellipsis) is Ellipsis: pass", "def largest(orders): return max(orders)"];
  expect(wordDiff(before, after).map(({ kind }) => kind)).toEqual(["removed", "added"]);
});

it("does not compare texts word by word that are too long for it", () => {
  const words = (from: number) => Array.from({ length: 3000 }, (_, index) => `w${from + index}`).join(" ");
  const parts = wordDiff(`same ${words(0)} end`, `same ${words(1_000_000)} end`);
  expect(parts.map(({ kind }) => kind)).toEqual(["same", "removed", "added", "same"]);
});
