import { describe, expect, it } from "vitest";
import { isAlreadyBelow, withoutRestOfLine } from "./alreadyBelow";
import { indentationStyle, inIndentationStyle } from "./indentationStyle";
import { inQuoteStyle, quoteStyle } from "./quoteStyle";
import { withoutRepetition } from "./repetition";
import { isBlank, isJoined, isOfLowValue, isUnprintable } from "./worthOffering";

describe("indentation", () => {
  const editor = { tabs: false, unit: 4 };
  it.each<[string, boolean, number]>([
    ["", false, 4],
    ["x = 1\n", false, 4],
    ["if a:\n  b\n", false, 2],
    ["if a:\n    b\n    if c:\n        d\n", false, 4],
    ["if a:\n\tb\n", true, 4],
    ["f(\n        a)\nif a:\n  b\n", false, 2],
    ["def f():\n  return {'a':\n              1}\n", false, 2],
  ])("of %j is by tabs: %s, %i", (text, tabs, unit) => {
    expect(indentationStyle(text, editor)).toEqual({ tabs, unit });
  });

  const two = { tabs: false, unit: 2 };
  const four = { tabs: false, unit: 4 };
  const tabs = { tabs: true, unit: 4 };
  it.each<[string, string, typeof two, string]>([
    ["def f():", "\n    a\n    if b:\n        c", two, "\n  a\n  if b:\n    c"],
    ["  def f():", "\n      a", two, "\n    a"],
    ["def f():", "\n  a\n  if b:\n    c", four, "\n    a\n    if b:\n        c"],
    ["def f():", "\n    a", four, "\n    a"],
    ["def f():", "\n    a\n    if b:\n        c", tabs, "\n\ta\n\tif b:\n\t\tc"],
    ["\tdef f():", "\n\t    a", tabs, "\n\t\ta"],
    ["def f():", "\n\ta\n\tif b:\n\t\tc", two, "\n  a\n  if b:\n    c"],
    // What aligns with a bracket, and what is written over several lines, stays.
    ["x = f(", "a,\n      b)", two, "a,\n      b)"],
    ["def f():", '\n    """a\n    b"""', two, '\n    """a\n    b"""'],
    ["def f():", "\n    return g(a,\n             b)", two, "\n    return g(a,\n             b)"],
    ["    ", "if a:\n        b\n    c", four, "if a:\n        b\n    c"],
    ["  ", "if a:\n      b\n  c", two, "if a:\n    b\n  c"],
  ])("%j then %j in %j: %j", (linePrefix, text, style, expected) => {
    expect(inIndentationStyle(text, linePrefix, style)).toBe(expected);
  });
});

describe("quotes", () => {
  it.each<[number, number, string | null]>([
    [4, 0, "'"],
    [0, 4, '"'],
    [3, 0, null],
    [9, 1, "'"],
    [8, 2, null],
  ])("%i single and %i double ones: %j", (single, double, style) => {
    expect(quoteStyle({ single, double })).toBe(style);
  });

  it.each<[string, string]>([
    ["f('a', 'b')", 'f("a", "b")'],
    ["f('say \"a\"')", "f('say \"a\"')"],
    ["f('a\\n')", "f('a\\n')"],
    ["f'{a}'", "f'{a}'"],
    ["r'a'", 'r"a"'],
    ["'a", "'a"],
    ["'''a'''", "'''a'''"],
    ["x  # it's 'so'", "x  # it's 'so'"],
    ["''", '""'],
    ["'a'\n'b'", '"a"\n"b"'],
  ])("%s becomes %s", (text, expected) => {
    expect(inQuoteStyle(text, '"')).toBe(expected);
  });
  it("stay where the document has no habit", () => expect(inQuoteStyle("'a'", null)).toBe("'a'"));
});

it.each<[string, string]>([
  ["return 1", "return 1"],
  ["x = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]", ""],
  ["a = 1\nb = self.self.self.self.self.self.self.", "a = 1"],
  ["return a or other.value or other.value or other.value", ""],
  ["aaaaaaaaaaaaaaaaaaaaaaa", ""],
  ["# ----------------------------------", "# ----------------------------------"],
  ["parser.add(a)\nparser.add(b)\nparser.add(c)", "parser.add(a)\nparser.add(b)\nparser.add(c)"],
])("%j without repetition is %j", (text, expected) => {
  expect(withoutRepetition(text)).toBe(expected);
});

it("judges a long line quickly", () => {
  expect(withoutRepetition(`${"ab".repeat(50_000)}c`)).toBe("");
  expect(withoutRepetition("xyzzy plugh ".repeat(10_000))).toBe("");
});

it.each<[string, boolean, boolean, boolean]>([
  ["return", false, false, false],
  [" \n\t", true, false, true],
  ["", true, false, true],
  ["a", false, false, true],
  [")", false, false, true],
  ["):", false, false, true],
  ["()", false, false, false],
  [" [{[", false, false, true],
  ["[1]", false, false, false],
  ["a\u0000b", false, true, false],
  ['"""', false, false, true],
  ["a\ufffd", false, true, false],
  ["a\u202eb", false, true, false],
])("%j: blank %s, unprintable %s, of low value %s", (text, blank, unprintable, low) => {
  expect([isBlank(text), isUnprintable(text), isOfLowValue(text)]).toEqual([blank, unprintable, low]);
});

it.each<[string, string, boolean]>([
  ["eulerian(2)", "print(area(eulerian(2)", true],
  ["'a'", "x[1]", true],
  [" if x else y", "f(1)", false],
  [".real", "f(1)", false],
  ["(2)", "f(1)", false],
  ["urn 1", "    ret", false],
])("%j behind %j is joined: %s", (text, linePrefix, joined) => {
  expect(isJoined(text, linePrefix)).toBe(joined);
});

describe("what stands below", () => {
  it.each<[string, string, string, boolean]>([
    ["return a", "    ", "\n    return a\n", true],
    ["return a", "    ", "\n\n    return a\n", true],
    ["return a\nb", "", "\nreturn a\nc", false],
    ["a = 1\nb = 2", "", "\na = 1\nb = 2\n", true],
    ["1", "a = ", "\na = 1\n", true],
    [")", "", "\n)\n", false],
    ["", "", "", false],
    ["total = sum(value)", "", "\ntotal = sum(values)\n", true],
    ["row_1 = read(1, 'a')", "", "\nrow_2 = read(2, 'a')\n", false],
    ["self.width = width", "", "\nself.depth = depth\n", false],
  ])("%j at %j before %j: %s", (text, linePrefix, suffix, below) => {
    expect(isAlreadyBelow(text, linePrefix, suffix)).toBe(below);
  });

  it.each<[string, string, string]>([
    ["x, base=2)", ", base=2)", "x"],
    ["a + b", " + b)", "a"],
    ["banana", "a = 1", "banana"],
    ["value", "ue = 1", "value"],
    ["a)", ")", "a)"],
    ["a", "", "a"],
    ["key for key", " for key in keys]", "key"],
    ["x > 1:", ":", "x > 1"],
    ["a, b):", "):", "a, b)"],
    ["a: b", ":", "a: b"],
  ])("%j before %j: %j", (text, rest, expected) => {
    expect(withoutRestOfLine(text, rest)).toBe(expected);
  });
});
