import { expect, it } from "vitest";
import { coveredClosers, withoutSurplusClosers } from "./closingBrackets";

it.each<[string, string, number, string]>([
  ["a, b):\n    return a + b", ")", 1, "the bracket that the editor closed is replaced"],
  ["a, b", ")", 0, "one that the completion leaves open stays"],
  ["f(a)", ")", 0, "a bracket of the completion's own is not the editor's"],
  ["f(a))", ")", 1, "but the one after it is"],
  ["a])", "])", 2, "two, in their order"],
  ["a]", "])", 1, "only as many as are closed"],
  ["a)", "])", 0, "not in another order"],
  ["a)", "]", 0, "another bracket is not covered"],
  ["a)", "", 0, "nothing behind the cursor"],
  ["a)", ") + b", 0, "code behind the cursor stays"],
  ["a):", "):", 1, "a colon may follow"],
  ["x')", "')", 2, "a string that the editor closed"],
  ["'a)'", ")", 0, "a bracket in a string closes nothing"],
  ["{'a': 1}", "}", 0, "pairs within the completion"],
  ["'a': 1}", "}", 1, "a dictionary that was opened before the cursor"],
  ["a,\n    b)", ")", 1, "over several lines"],
])("%j before %j covers %i: %s", (completion, after, expected) => {
  expect(coveredClosers(completion, after)).toBe(expected);
});

it.each<[string, string, string, number, string]>([
  ["a)", ")", "", 0, "a)"],
  ["a))", ")", "", 0, "a)"],
  ["a)", ")", ")", 0, "a"],
  ["a)", ")", ")", 1, "a)"],
  ["a]", ")", "", 0, "a"],
  ["f(a), b)]", "])", "", 0, "f(a), b)]"],
  ["')'", "", "", 0, "')'"],
])("%j where %j is awaited and %j follows, %i of it covered: %j", (text, awaited, following, covered, expected) => {
  expect(withoutSurplusClosers(text, [...awaited], [...following], covered)).toBe(expected);
});
