import { expect, it } from "vitest";
import { truncatedAnswer } from "./truncatedAnswer";

const start = "This answer is long enough to be looked at. ";
const check = (end: string, role: "answer" | "context" = "answer") => {
  const text = start + end;
  return truncatedAnswer({ path: ["output"], text, role }).map(({ range }) => text.slice(range!.start, range!.end));
};

it.each([
  ["It consists of apples,", "apples,"],
  ["print(", "print("],
  ["x = [", "["],
  ["total =", "="],
  ["if a &&", "&&"],
  ["It is good, and", "and"],
  ["He opened the", "the"],
  ['print("', 'print("'],
  ["total =\n\n", "="],
])("finds the end of %j", (end, marked) => {
  expect(check(end)).toEqual([marked]);
});

it.each([
  "It ends.",
  "And so on...",
  "No full stop",
  "the language C++",
  "return x",
  "}",
  'print "hello "',
  "'''text'''",
  "\nKind regards,",
  "find . -exec rm {} +",
  "**bold**",
  "==========",
  "Is it so? (yes)",
  "vitamin A",
])("leaves %j alone", (end) => {
  expect(check(end)).toEqual([]);
});

it.each(["def total(values):\n    return sum(", "Three colours are red, green and"])("finds the short %j", (text) => {
  expect(truncatedAnswer({ path: ["output"], text, role: "answer" })).toHaveLength(1);
});

it("looks at answers only, and not at short ones", () => {
  expect(check("He opened the", "context")).toEqual([]);
  expect(truncatedAnswer({ path: ["output"], text: "It is the", role: "answer" })).toEqual([]);
});
