import { describe, expect, it } from "vitest";
import { scanPython, unopenedClosers, type Where } from "./pythonScan";

describe("where the cursor stands", () => {
  it.each<[string, Where]>([
    ["", "code"],
    ["x = 1", "code"],
    ["x = 1  # why", "comment"],
    ["# why\n", "code"],
    ["x = 'a", "string"],
    ["x = 'a'", "code"],
    ["x = 'it\\'s", "string"],
    ["x = 'a # b'", "code"],
    ["x = 'torn\ny = ", "code"],
    ["x = 'goes on \\\nhere", "string"],
    ['"""Reads.\n\n  It\'s', "string"],
    ['"""Reads."""\n', "code"],
    ['r"\\"', "string"],
    ["f'{a", "code"],
    ["f'{a}", "string"],
    ["f'{{a", "string"],
    ["f'{a[\"b\"]}'", "code"],
    ["f'{a!r:>{width", "code"],
    ["rf'{a}", "string"],
    ["f'{a\nb = ", "code"],
    ["# it's\nx", "code"],
    ["'''a'b''", "string"],
  ])("%j is in %s", (text, where) => {
    expect(scanPython(text).where).toBe(where);
  });

  it("is told from a text that begins inside a docstring", () => {
    const window = 'it is done.\n    """\n    return 1\n\n\ndef g(x):\n    """Says "it".';
    expect(scanPython(window, false).where).toBe("string");
    expect(scanPython(`${window}"""\n    y = `, false).where).toBe("code");
  });
});

describe("brackets", () => {
  it.each<[string, string]>([
    ["f(a, [b", ")]"],
    ["f(a)[", "]"],
    ["x = {'a': (1, '(')", "}"],
    ["f(  # (", ")"],
    ["print(x\ndef g(a", ")"],
    ["f(a\n    b", ")"],
    ["f'{g(", "})"],
    ["(]", ")"],
  ])("%j waits for %j", (text, closers) => {
    expect(scanPython(text).awaited.join("")).toBe(closers);
  });

  it.each<[string, string]>([
    [")", ")"],
    ["), [b]}\n", ")}"],
    ["a)\n", ")"],
    ["\ndef f(a)):\n", ""],
    ["')'\n", ""],
    ["\n]\n", "]"],
  ])("what follows, %j, closes %j", (suffix, closers) => {
    expect(unopenedClosers(suffix).join("")).toBe(closers);
  });
});

describe("a docstring right before the cursor", () => {
  it.each<[string, string | null]>([
    ['def f():\n    """Reads."""', "    "],
    ['def f():\n    r"""Reads.\n    """  ', "    "],
    ['x = """Reads."""', null],
    ['f(\n    """Reads."""', null],
    ['def f():\n    """Reads."""\n', null],
    ["def f():\n    'Reads.'", null],
    ['"""Reads."""', ""],
  ])("%j: %j", (text, indent) => {
    expect(scanPython(text).docstringIndent).toBe(indent);
  });
});

it("counts the quotes of strings, not of docstrings", () => {
  expect(scanPython("a = 'x'\nb = \"y\" + 'z'\n'''doc'''\n").quotes).toEqual({ single: 2, double: 1 });
});

it("reads 24,000 characters of the worst kind without growing slow", () => {
  for (const text of [
    "(".repeat(24_000),
    "'".repeat(24_000),
    "f'{".repeat(8000),
    "(\n".repeat(12_000),
    "\\".repeat(24_000),
  ]) {
    expect(scanPython(text, false)).toBeDefined();
  }
});
