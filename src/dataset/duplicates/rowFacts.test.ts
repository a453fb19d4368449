import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TextPart } from "../checks/textPart";
import { normalised } from "./fingerprint";
import { contentFacts, exactFacts, rowFacts } from "./rowFacts";
import { row } from "./testTexts";

const code = "def f(x):\n    if x:\n        x += 1\n    return x";

describe("a row's content", () => {
  const content = (parts: TextPart[]) => exactFacts(parts).content;

  it("is the same where line ends and white space at ends differ", () => {
    const windows = `\n${code.replaceAll("\n", " \r\n")}\n\n`;
    expect(content(row("Write f.", windows))).toEqual(content(row("Write f. ", code)));
  });

  it("differs where Python's indentation does", () => {
    const otherwise = code.replace("    return x", "        return x");
    expect(content(row("Write f.", otherwise))).not.toEqual(content(row("Write f.", code)));
  });

  it("is the same with an empty input and without one", () => {
    expect(content(row("Write f.", code, { context: " " }))).toEqual(content(row("Write f.", code)));
  });

  it("differs where the same texts stand in other roles or are cut elsewhere", () => {
    const known = content(row("one two", "three"));
    expect(content(row("three", "one two"))).not.toEqual(known);
    expect(content(row("one", "three", { context: "two" }))).not.toEqual(known);
    expect(content(row("one t", "wothree"))).not.toEqual(known);
    const asContext = row("one two", "three").map((part) =>
      part.role === "instruction" ? { ...part, role: "context" as const } : part,
    );
    expect(content(asContext)).not.toEqual(known);
  });

  it("differs where texts of null characters differ in length alone", () => {
    expect(exactFacts(row("\0\0", "a")).prompt).not.toEqual(exactFacts(row("\0\0\0\0", "a")).prompt);
  });

  it("is null where there is no text", () => {
    expect(content(row(" ", "\n"))).toBeNull();
    expect(content([])).toBeNull();
  });

  it("is the same for two texts only where they are the same when normalised", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "A", " ", "\n", "\r", "\t", "é", "\0"), maxLength: 8 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        const same = JSON.stringify(content(row("x", a))) === JSON.stringify(content(row("x", b)));
        expect(same).toBe(normalised(a) === normalised(b));
      }),
      { numRuns: 5000 },
    );
  });

  it("does not meet that of any other of 200,000 similar rows, in either half more often than chance has it", () => {
    const whole = new Set<string>();
    const halves = [new Set<number>(), new Set<number>()] as const;
    const rows = 200_000;
    for (let number = 0; number < rows; number++) {
      const { high, low } = content(row(`Add ${number % 1000} to it.`, `The sum is ${number}.`))!;
      whole.add(`${high} ${low}`);
      halves[0].add(high);
      halves[1].add(low);
    }
    expect(whole.size).toBe(rows);
    // By chance about five rows of so many meet in 32 bits.
    for (const half of halves) expect(half.size).toBeGreaterThan(rows - 30);
  });
});

describe("normalised", () => {
  it("is what it says, for any text", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "bc", " ", "\n", "\r", "\t"), maxLength: 30 });
    fc.assert(
      fc.property(text, (original) => {
        const result = normalised(original);
        expect(result).not.toMatch(/\r|[ \t]\n|^\s|\s$/);
        expect(normalised(result)).toBe(result);
        expect(result.replaceAll(/\s/g, "")).toBe(original.replaceAll(/\s/g, ""));
      }),
    );
  });
});

describe("a row's answer", () => {
  const answer = (text: string) => exactFacts(row("x", text)).answer;

  it("is the same where only white space and letter case differ", () => {
    expect(answer("SELECT a,b\n FROM t")).toBe(answer("select a, b from T"));
    expect(answer("x = 1")).not.toBe(answer("x = 2"));
    expect(answer("é")).not.toBe(answer("è"));
  });

  it("is measured in code units and words, prompt and answer apart", () => {
    const facts = exactFacts(row("Say it:", "two  words\n", { system: "Be short.", context: "🙂" }));
    expect(facts).toMatchObject({ promptCharacters: 18, answerCharacters: 11, answerWords: 2 });
  });
});

it("names the first instruction and the first answer of a conversation", () => {
  const parts: TextPart[] = [
    { path: ["messages", 0, "content"], text: "Be kind.", role: "system" },
    { path: ["messages", 1, "content"], text: "Hello?", role: "instruction" },
    { path: ["messages", 2, "content"], text: "Hello.", role: "answer" },
    { path: ["messages", 3, "content"], text: "More?", role: "instruction" },
    { path: ["messages", 4, "content"], text: "No.", role: "answer" },
  ];
  expect(exactFacts(parts)).toMatchObject({
    instructionPath: ["messages", 1, "content"],
    answerPath: ["messages", 2, "content"],
  });
  expect(exactFacts([])).toMatchObject({ instructionPath: [], answerPath: [], prompt: null });
});

it("has the same content and prompt where the answer's facts are left out", () => {
  const parts = row("Write f.", code, { system: "Be kind." });
  const all = exactFacts(parts);
  expect(contentFacts(parts)).toEqual({ ...all, answer: 0, answerCharacters: 0, answerWords: 0 });
});

it("has task and language, and a sketch where there are words enough", () => {
  const facts = rowFacts(row("Please write a function that adds one to x if it is set.", code));
  expect(facts).toMatchObject({ task: "write", language: "python" });
  expect(facts.sketch).toHaveLength(32);
  expect(rowFacts(row("Say yes.", "Yes.")).sketch).toBeNull();
});
