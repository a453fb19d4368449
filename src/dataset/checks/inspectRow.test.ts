import { beforeAll, describe, expect, it } from "vitest";
import { canonicalDialect } from "../formats/detect";
import { formatById } from "../formats/registry";
import { RowInspector } from "./inspectRow";

let inspector: RowInspector;
beforeAll(async () => {
  inspector = await RowInspector.load();
});

const check = (format: string, row: Record<string, string>) =>
  inspector.inspect(row, canonicalDialect(formatById(format))).problems.map((problem) => problem.check);

describe("a completion", () => {
  const question = "Write a function that adds two numbers.";

  it("of a prompt that asks is checked as an answer", () => {
    expect(check("prompt-completion", { prompt: question, completion: "def add(a, b)\n    return a + b" })).toEqual([
      "python-syntax",
    ]);
    expect(check("prompt-completion", { prompt: question, completion: "I'm sorry, but I cannot help." })).toEqual([
      "refusal",
    ]);
  });

  it("of a text to carry on is a fragment", () => {
    const prompt = "def total(values):\n    return sum(";
    expect(check("prompt-completion", { prompt, completion: "values)\n\n\ndef mean(values:\n    pass" })).toEqual([]);
    expect(check("text", { text: "def add(a, b)\n    return a + b" })).toEqual([]);
    expect(check("fim", { prefix: question, middle: "def add(a, b)\n    return", suffix: "" })).toEqual([]);
  });

  it("may close what its prompt opens", () => {
    const [open, close] = ["So:\n\n```python\n", "x = 1\n```\n"];
    expect(check("prompt-completion", { prompt: open, completion: close })).toEqual([]);
    expect(check("fim", { prefix: open, middle: "x = 1\n", suffix: "```\n" })).toEqual([]);
    expect(check("text", { text: open })).toEqual(["unbalanced-fence"]);
    expect(check("prompt-completion", { prompt: "x = ", completion: open })).toEqual(["unbalanced-fence"]);
  });

  it("may end anywhere", () => {
    const cut = "The three primary colours of painters are red, yellow and";
    expect(check("prompt-completion", { prompt: "Name the primary colours.", completion: cut })).toEqual([]);
    expect(check("alpaca", { instruction: "Name the primary colours.", output: cut })).toEqual(["truncated-answer"]);
  });
});
