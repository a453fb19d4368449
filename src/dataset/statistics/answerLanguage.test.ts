import { expect, it } from "vitest";
import { type AnswerLanguage, answerLanguage } from "./answerLanguage";
import { taskOf } from "./task";

const answers: [AnswerLanguage, string][] = [
  ["python", "def add(a, b):\n    return a + b"],
  ["python", "numbers = [1, 2]\nfor number in numbers:\n    total += number"],
  ["python", "Here you are:\n```python\nx = 1\n```"],
  ["python", "Here you are:\n\n```\nimport os\n```"],
  ["javascript", "const add = (a, b) => a + b;"],
  ["javascript", "```ts\nlet x: number\n```"],
  ["sql", "SELECT name FROM people WHERE age > 3;"],
  ["html", "<!DOCTYPE html>\n<html></html>"],
  ["shell", '#!/bin/bash\nls "$1"'],
  ["java", "public class Main {\n  public static void main(String[] args) {}\n}"],
  ["c-like", "#include <stdio.h>\nint main() { return 0; }"],
  ["other code", "<?php echo 1;"],
  ["other code", "```haskell\nmain = print 1\n```"],
  ["prose", "Let me explain: select the class, then import your own. It is easy."],
  ["prose", "42"],
  ["none", " \n"],
];

it.each(answers)("finds %s in %j", (language, answer) => {
  expect(answerLanguage(answer)).toBe(language);
});

const tasks: [string, string][] = [
  ["write", "Write a function."],
  ["write", "Could you please write me a poem?"],
  ["write", "Given a string, write a function that reverses it."],
  ["how", "How do I write a file?"],
  ["optimize", "OPTIMISE this loop"],
  ["other", "Übersetze das."],
  ["other", ""],
];

it.each(tasks)("takes for the task %s: %j", (task, instruction) => {
  expect(taskOf(instruction)).toBe(task);
});
