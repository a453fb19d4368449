import { expect, it } from "vitest";
import { scanPython } from "./pythonScan";
import { whatIsWanted } from "./whatIsWanted";

/** The cursor is at ‸. */
function wanted(code: string, asked: { invoked?: boolean; instruction?: boolean } = {}): string {
  const [prefix, suffix] = code.split("‸") as [string, string];
  const found = whatIsWanted({ prefix, suffix }, scanPython(prefix), { invoked: false, instruction: false, ...asked });
  return found.kind === "nothing" ? "nothing" : `${found.kind}${JSON.stringify(found.lead)}`;
}

it.each<[string, string, string]>([
  ["a block's header", "def add(a, b):‸", 'block""'],
  ["a header over several lines", "def add(\n    a,\n) -> int:‸\n", 'block""'],
  ["else", "if a:\n    b\nelse:‸", 'block""'],
  ["an empty file", "‸", 'block""'],
  ["an empty line", "x = 1\n    ‸\ny", 'block""'],
  ["only closing brackets behind", "x = [\n    ‸]", 'block""'],
  ["the middle of a line", "x = f(‸)", 'line""'],
  ["a statement's end", "return a‸", 'line""'],
  ["arguments before others", "f(a‸, b)", 'line""'],
  ["a dictionary's value", "x = {'a':‸", 'line""'],
  ["a slice", "x[1:‸]", 'line""'],
  ["an annotation", "price:‸", 'line""'],
  ["a lambda", "key = lambda x:‸", 'line""'],
  ["a parameter's annotation", "def add(a:‸)", 'line""'],
  ["inside a word", "x = fo‸o()", "nothing"],
  ["a block that is there already", "def add(a, b):‸\n    return a + b\n", "nothing"],
  ["a header before another one", "def add(a, b):‸\n\ndef sub(a, b):\n", 'block""'],
  ["behind a docstring", 'def f():\n    """Reads."""‸', 'block"\\n    "'],
  ["behind a docstring with its body", 'def f():\n    """Reads."""‸\n    return 1\n', "nothing"],
  ["behind a module's docstring", '"""Reads."""‸\nimport os\n', 'block"\\n"'],
  ["a comment", "  # a note‸", "nothing"],
  ["a comment behind code", "x = 1  # a note‸", "nothing"],
  ["a string", "x = 'a‸'", "nothing"],
  ["a docstring", 'def f():\n    """Rea‸', "nothing"],
  ["a field of an f-string", "x = f'{a‸}'", 'line""'],
])("%s: %j", (_, code, expected) => {
  expect(wanted(code)).toBe(expected);
});

it.each<[string, string, string]>([
  ["a comment that asks for code", "  # sort by price‸\n", 'block"\\n  "'],
  ["one that explains what is below", "  # sort by price‸\n  prices.sort()\n", "nothing"],
  ["one behind code", "x = 1  # sort by price‸\n", "nothing"],
  ["its middle", "# sort ‸by price\n", "nothing"],
])("%s, %j", (_, code, expected) => {
  expect(wanted(code, { instruction: true })).toBe(expected);
});

it.each<[string, string]>([
  ["x = 'a‸'", 'line""'],
  ["# a no‸", 'line""'],
  ["x = fo‸o()", 'line""'],
  ["def add(a, b):‸\n    return a + b\n", 'block""'],
])("%j, when it is asked for by hand: %s", (code, expected) => {
  expect(wanted(code, { invoked: true })).toBe(expected);
});
