import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TextPart } from "../checks/textPart";
import { contentFacts } from "../duplicates/rowFacts";
import { plainFacts } from "./plainFacts";

const part = (text: string, role: TextPart["role"] = "answer"): TextPart => ({ path: [role], text, role });
const contentOf = (...parts: TextPart[]) => plainFacts(parts).content;

describe("plain facts", () => {
  it("are alike for texts that are the same but for white space at their ends", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "é", "😀", " ", "\n"), maxLength: 12 });
    const role = fc.constantFrom<TextPart["role"]>("instruction", "context", "answer");
    const parts = fc.array(fc.tuple(text, role), { maxLength: 3 });
    const shown = (row: [string, TextPart["role"]][]) =>
      JSON.stringify(row.map(([words, as]) => [words.trim(), as]).filter(([words]) => words !== ""));
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        const alike = JSON.stringify(contentOf(...a.map(([words, as]) => part(words, as))));
        const other = JSON.stringify(contentOf(...b.map(([words, as]) => part(words, as))));
        expect(alike === other).toBe(shown(a) === shown(b));
      }),
      { numRuns: 500 },
    );
  });

  it("tell apart texts that differ in any one place, however long they are", () => {
    const long = "0123456789abcdef".repeat(20_000);
    const whole = contentOf(part(long));
    for (const at of [0, 1, 87_378, 87_379, 87_380, 174_759, long.length - 1]) {
      expect(contentOf(part(`${long.slice(0, at)}#${long.slice(at + 1)}`))).not.toEqual(whole);
    }
    expect(contentOf(part(`${long}0`))).not.toEqual(whole);
    expect(contentOf(part(long))).toEqual(whole);
  });

  it("have a prompt and a place where other facts have them", () => {
    for (const parts of [[], [part("a")], [part("q", "instruction"), part("a")], [part(" ", "instruction")]]) {
      const { content, prompt, instructionPath } = plainFacts(parts);
      const exact = contentFacts(parts);
      expect([content === null, prompt === null, instructionPath]).toEqual([
        exact.content === null,
        exact.prompt === null,
        exact.instructionPath,
      ]);
    }
  });
});
