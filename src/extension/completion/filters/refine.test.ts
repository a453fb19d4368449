import { expect, it } from "vitest";
import { scanPython } from "../pythonScan";
import { type RefineOptions, refine } from "./refine";

const editor = { tabs: false, unit: 4 };

/** The document after the suggestion is taken at ‸; null: nothing is offered. */
function taken(code: string, generated: string, options: Partial<RefineOptions> = {}) {
  const [prefix, suffix] = code.split("‸") as [string, string];
  const refined = refine(generated, { prefix, suffix }, scanPython(prefix), {
    indentation: editor,
    multiline: true,
    canReplace: true,
    invoked: false,
    ...options,
  });
  return refined && prefix + refined.text + suffix.slice(refined.covered);
}

it.each<[string, string, string | null]>([
  ["def f(‸)", "a, b):\n    return a", "def f(a, b):\n    return a"],
  ["x = f(g(‸))", "a), b)", "x = f(g(a), b)"],
  ["x = f(‸) + c", "aa) + c", "x = f(aa) + c"],
  ["x = f(‸) + c", "aa)", "x = f(aa) + c"],
  ["x = f(‸", "a)", "x = f(a)"],
  ["x = f(‸", "a))", "x = f(a)"],
  ["x = f(a)‸", ")", null],
  ["x = f(a)‸", ") + b", null],
  ["x = [\n    f(‸\n]\n", "a)]", "x = [\n    f(a)\n]\n"],
  ["x = [\n    f(‸)\n]\n", "a)", "x = [\n    f(a)\n]\n"],
  ["x = {‸}", "'a': [1, 2]}", "x = {'a': [1, 2]}"],
  ["‸", "\u0000x", null],
  ["    ‸", "   ", null],
  ["x = ‸", "a\r\nb", "x = a\nb"],
  ["a = 'x'\nb = 'y'\nc = 'z'\nd = 'w'\ne = ‸", 'f("v")', "a = 'x'\nb = 'y'\nc = 'z'\nd = 'w'\ne = f('v')"],
  ["if a:\n  b\nif c:‸", "\n    dd", "if a:\n  b\nif c:\n  dd"],
  ["x = 1\n‸\nreturn_value = a\n", "return_value = a", null],
  ["return sel‸", "f", null],
  ["x = f(‸)", "aa, g(b", "x = f(aa, g)"],
  ["x = f(‸)", "aa, g(b))", "x = f(aa, g(b))"],
  ["x = f(‸)", "\n    aa,\n    [\n        b,", "x = f(\n    aa,)"],
  ["x = f(‸", "aa, g(b", "x = f(aa, g(b"],
])("%j with %j: %j", (code, generated, expected) => {
  expect(taken(code, generated)).toBe(expected);
});

it("leaves the editor's brackets where they cannot be replaced", () => {
  expect(taken("x = f(‸)", "aa)", { canReplace: false })).toBe("x = f(aa)");
});

it("offers even little when it was asked for", () => {
  expect(taken("return sel‸", "f", { invoked: true })).toBe("return self");
});

it("offers one line where one is wanted", () => {
  expect(taken("x = ‸", "a + b  \ny = 1", { multiline: false })).toBe("x = a + b");
});
