import { beforeAll, describe, expect, it } from "vitest";
import { codeOf } from "../../dataset/checks/python/answerCode";
import { loadPythonParser } from "../../dataset/checks/python/parser";
import type { ModelAnswer } from "../../protocol/evaluation";
import { editSimilarity, MOST_LEXEMES } from "./editSimilarity";
import { isExactMatch } from "./exactMatch";
import { figuresOf } from "./figures";
import { parses, pythonAnswers } from "./pythonAnswer";

beforeAll(loadPythonParser);

/** Texts of a few words, the same at each run. */
function* someTexts(count: number): Generator<string> {
  const words = ["def", " ", "\n    ", "return", "x", "(", ")", "naïve", "42", "🎉"];
  let state = 7;
  const next = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
  for (let index = 0; index < count; index++) {
    yield Array.from({ length: next(12) }, () => words[next(words.length)]!).join("");
  }
}

describe("edit similarity", () => {
  it.each([
    ["return a + b", "return a + b", 1],
    ["", "", 1],
    ["", "x", 0],
    ["abc", "xyz", 0],
    // Seven lexemes, one of them another.
    ["return a + b", "return a - b", 6 / 7],
    // The longer one has three lexemes more.
    ["x", "x = 1", 1 / 5],
    ["  x\r\ny ", "x\ny", 1],
  ])("of %j and %j is %d", (left, right, expected) => {
    expect(editSimilarity(left, right)).toBeCloseTo(expected, 10);
  });

  it("is 1 for a text itself, within 0 and 1, and the same both ways", () => {
    const texts = [...someTexts(60)];
    for (const [index, left] of texts.entries()) {
      const right = texts[(index * 7 + 1) % texts.length]!;
      expect(editSimilarity(left, left)).toBe(1);
      expect(editSimilarity(left, right)).toBeCloseTo(editSimilarity(right, left), 12);
      expect(editSimilarity(left, right)).toBeGreaterThanOrEqual(0);
      expect(editSimilarity(left, right)).toBeLessThanOrEqual(1);
    }
  });

  it("falls with each lexeme that is changed", () => {
    const words = Array.from({ length: 20 }, (_, index) => `w${index}`);
    let last = 1;
    for (let changed = 1; changed <= 20; changed++) {
      const text = words.map((word, index) => (index < changed ? `other${index}` : word)).join(" ");
      const similarity = editSimilarity(words.join(" "), text);
      expect(similarity).toBeLessThan(last);
      last = similarity;
    }
  });

  it("compares the beginning alone of texts without end", () => {
    const long = "a ".repeat(MOST_LEXEMES);
    expect(editSimilarity(long, `${long}${"b ".repeat(MOST_LEXEMES)}`)).toBe(1);
  });
});

describe("exact match", () => {
  it("leaves white space around the answer and line ends out of account, and nothing else", () => {
    expect(isExactMatch("\n x = 1\r\ny = 2\n", "x = 1\ny = 2")).toBe(true);
    expect(isExactMatch("x = 1", "x  = 1")).toBe(false);
    expect(isExactMatch("", "x")).toBe(false);
  });
});

describe("the code of an answer", () => {
  it.each([
    ["x = 1", "x = 1"],
    ["Here:\n```python\nx = 1\n```\nDone.", "x = 1\n"],
    ["```\nx = 1\n```\nand\n```py\ny = 2\n```", "x = 1\n\ny = 2\n"],
    ["```python\nx = 1", "x = 1"],
    ["```bash\nls -l\n```", ""],
    ["- a list\n  ```python\n  x = 1\n  ```", "x = 1\n"],
  ])("of %j is %j", (answer, code) => {
    expect(codeOf(answer)).toBe(code);
  });

  it.each([
    ["def f(x):\n    return x", true],
    ["def f(x):\n    return (x", false],
    ["Sure, here is the function that you asked for.", false],
    ["Sure:\n```python\nreturn x +\n```", false],
    ["Sure:\n```python\ny = x + 1\n```", true],
    ["", false],
    ["```bash\nls -l\n```", false],
    [`${"(".repeat(3000)}${")".repeat(3000)}`, false],
  ])("of %j parses: %s", (answer, expected) => {
    expect(parses(answer)).toBe(expected);
  });
});

describe("which rows are Python", () => {
  const functions = ["def f(x):\n    return x", "import os\nprint(os.name)", "class A:\n    pass"];

  it("those that hold a block of it, or read like it", () => {
    expect(pythonAnswers([...functions, "Paris", "The capital of France is Paris."])).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(pythonAnswers(["Use this:\n```python\nx\n```", "No."])).toEqual([true, false]);
  });

  it("not those that are broken themselves", () => {
    expect(pythonAnswers([...functions, "def f(:"])).toEqual([true, true, true, false]);
  });

  it("a doubtful one only where most are", () => {
    expect(pythonAnswers([...functions, "a @ b"])[3]).toBe(true);
    expect(pythonAnswers(["Paris", "London", "a @ b"])[2]).toBe(false);
  });
});

describe("figures of a model", () => {
  const answer = (changes: Partial<ModelAnswer>): ModelAnswer => ({
    text: "x",
    ended: true,
    tokens: 10,
    exact: false,
    similarity: 0.5,
    parses: null,
    passed: null,
    failure: null,
    ...changes,
  });

  it("count what was measured alone", () => {
    const answers = [
      answer({ parses: true, exact: true, similarity: 1, passed: true }),
      answer({ parses: false, ended: false, tokens: 30 }),
      answer({ passed: false, similarity: 0 }),
    ];
    const figures = figuresOf(answers, 1.5);
    expect(figures).toMatchObject({
      loss: 1.5,
      ended: { count: 2, of: 3 },
      parses: { count: 1, of: 2 },
      exact: { count: 1, of: 3 },
      similarity: 0.5,
      passed: { count: 1, of: 2 },
    });
    expect(figures.tokens).toBeCloseTo(50 / 3, 12);
  });

  it("say that nothing was answered", () => {
    const none = { count: 0, of: 0 };
    expect(figuresOf([], 2)).toEqual({
      loss: 2,
      ended: none,
      parses: none,
      exact: none,
      similarity: null,
      tokens: null,
      passed: null,
    });
  });
});
