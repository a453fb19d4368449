import { expect, it } from "vitest";
import { asksForAnswer } from "./asksForAnswer";

it.each([
  "Write a function that adds two numbers.",
  "Write a function that adds two numbers",
  "What is 7?",
  "Reverse a string",
  "Öffne die Datei",
  "def f(x):\n    return x\n\nExplain what this function does.\n",
  "### Instruction:\nAdd two numbers\n\n### Response:\n",
  "Q: 1 + 1\nA:",
  "写一个函数。",
])("takes %j for a question", (prompt) => {
  expect(asksForAnswer(prompt)).toBe(true);
});

it.each([
  "",
  "def add(a, b):\n",
  'def add(a, b):\n    """Return the sum of a and b."""\n',
  'def add(a, b):\n    """\n    Return the sum of all the numbers.\n',
  "# Read the file and print each of its lines\n",
  "import os\nfor name in ",
  "// Returns the sum of all the numbers\n",
  "x = [",
  "the sea ",
])("takes %j for a text to carry on", (prompt) => {
  expect(asksForAnswer(prompt)).toBe(false);
});

it("reads no more than the end of a long line", () => {
  expect(asksForAnswer("a ".repeat(5_000_000))).toBe(true);
  expect(asksForAnswer("(".repeat(5_000_000))).toBe(false);
});
