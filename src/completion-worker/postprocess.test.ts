import { describe, expect, it } from "vitest";
import { type CodeStop, indentation, judge, surroundings, trimPartialCharacter } from "./postprocess";

/** The cursor is at ‸. */
function cut(
  code: string,
  generated: string,
  options: { multiline?: boolean; ended?: "end-token" | "length" | null } = {},
) {
  const [prefix, suffix] = code.split("‸") as [string, string];
  const around = surroundings(prefix, suffix, options.multiline ?? true);
  return judge(generated, around, options.ended === undefined ? "end-token" : options.ended);
}

const cases: [
  string,
  string,
  string,
  string,
  CodeStop | null,
  { multiline?: boolean; ended?: "end-token" | "length" | null }?,
][] = [
  ["a single line ends at the line's end", "x = ‸", "1 + 2\ny = 3", "1 + 2", "line", { multiline: false, ended: null }],
  ["a single line may be ended by the model", "x = ‸", "1 + 2", "1 + 2", "end-token", { multiline: false }],
  ["an unfinished single line goes on", "x = ‸", "1 +", "1 +", null, { multiline: false, ended: null }],
  ["code after the cursor makes it a single line", "f(‸, b)", "a\nb", "a", "line", { ended: null }],
  ["closing brackets after it do not", "f(‸)", "a,\n  b)", "a,\n  b)", "end-token"],
  ["the rest of the line is not written twice", "f(‸, base=2)", "x, base=2)", "x", "suffix", { multiline: false }],
  ["brackets are left to the editor", "f(‸)", "x)", "x)", "end-token", { multiline: false }],
  [
    "a body ends where the indentation falls below it",
    "def f():\n    ‸",
    "a = 1\n    return a\n\ndef g():",
    "a = 1\n    return a",
    "dedent",
    { ended: null },
  ],
  [
    "… as soon as the first character shows it",
    "def f():\n    ‸",
    "return 1\nd",
    "return 1",
    "dedent",
    { ended: null },
  ],
  ["… but not while the line is still blank", "def f():\n    ‸", "return 1\n  ", "return 1\n  ", null, { ended: null }],
  [
    "nested blocks belong to the body",
    "def f():\n    ‸",
    "if x:\n        y()\n    z()",
    "if x:\n        y()\n    z()",
    "end-token",
  ],
  [
    "a header's body ends at the header's own indentation",
    "def f(x):‸",
    "\n    return x\nprint(1)",
    "\n    return x",
    "dedent",
  ],
  ["a header that the model finishes", "def f(‸", "x):\n    return x\n\nf(1)", "x):\n    return x", "dedent"],
  ["a header with a comment", "if x:  # why‸", "\n    y()\nz()", "\n    y()", "dedent"],
  ["a header without a body", "if x:‸", "\ny = 1", "", "dedent"],
  ["an unindented cursor below a header", "def f():\n‸", "    return 1\n\nprint(f())", "    return 1", "dedent"],
  [
    "the body's first line sets its indentation",
    "def f():\n‸",
    "    a = 1\n    return a\nb = 2",
    "    a = 1\n    return a",
    "dedent",
  ],
  ["a statement's siblings go on", "    a = ‸", "1\n    b = 2\nc = 3", "1\n    b = 2", "dedent"],
  ["arguments over several lines", "    f(‸", "\n        a,\n    )\nx", "\n        a,\n    )", "dedent"],
  ["the line above is not written again", "x = 1\n‸", "x = 1", "", "repeat"],
  ["a line right after itself", "‸", "a = f(1)\na = f(1)\na = f(1)", "a = f(1)", "repeat"],
  [
    "an unfinished repetition may still become another line",
    "‸",
    "a = f(1)\na = f(1)",
    "a = f(1)\na = f(1)",
    null,
    { ended: null },
  ],
  ["two lines in turn", "‸", "aa()\nbb()\naa()\nbb()", "aa()\nbb()\naa()", "repeat"],
  [
    "a longer line for the third time",
    "‸",
    "value = compute()\na\nvalue = compute()\nb\nvalue = compute()\nc",
    "value = compute()\na\nvalue = compute()\nb",
    "repeat",
  ],
  ["closing brackets may repeat", "f(g(\n    ‸", "1\n    )\n    )", "1\n    )\n    )", "end-token"],
  [
    "what follows is not written again",
    "a = 1\n‸\nreturn_value = a\n",
    "b = 2\nreturn_value = a\nc",
    "b = 2",
    "suffix",
  ],
  ["… not even at once", "a = 1\n‸\nreturn_value = a\n", "return_value = a\nc = 1", "", "suffix"],
  ["brackets that follow may be written", "x = [\n    ‸\n]\n", "1,\n]", "1,", "dedent"],
  ["a torn last line is left out", "‸", "a = 1\nb = 2\nc = compu", "a = 1\nb = 2", "length", { ended: "length" }],
  ["a torn only line is kept", "‸", "a = compu", "a = compu", "length", { ended: "length" }],
  ["blank lines at the end are left out", "‸", "a = 1\n\n   \n", "a = 1", "end-token"],
  ["a torn character is left out", "‸", 's = "é\ufffd\ufffd', 's = "é', "end-token"],
  [
    "a block that is cut off is left out",
    "‸",
    "a = 1\nif a:\n    for x in a:\n        b(",
    "a = 1",
    "length",
    { ended: "length" },
  ],
  [
    "… where a line repeats",
    "‸",
    "if a:\n    x = 1\nif b:\n    x = 2\nif b:\n    x = 2\nif b:\n",
    "if a:\n    x = 1\nif b:\n    x = 2",
    "repeat",
  ],
  ["… but not the cursor's own line", "if a‸", ":\n    b(", ":", "length", { ended: "length" }],
  ["nothing at all", "‸", "", "", "end-token"],
  ["only blanks", "‸", "\n\n   ", "", "end-token"],
  ["tabs", "def f():\n\t‸", "a = 1\n\treturn a\nb", "a = 1\n\treturn a", "dedent"],
];

describe("where a completion ends", () => {
  it.each(cases)("%s", (_, code, generated, text, stop, options) => {
    expect(cut(code, generated, options)).toEqual({ text, stop });
  });

  it("never takes back what it has let through", () => {
    // Judged character by character as it comes, and at once: the same text.
    for (const [name, code, generated, text, stop, options] of cases) {
      if (options?.ended === null || stop === "length") continue;
      let last = cut(code, "", { ...options, ended: null });
      for (let i = 1; i <= generated.length && last.stop === null; ++i) {
        last = cut(code, generated.slice(0, i), { ...options, ended: null });
      }
      if (last.stop === null) last = cut(code, generated, options);
      expect([name, last]).toEqual([name, { text, stop }]);
    }
  });
});

describe("surroundings", () => {
  it("are the lines around the cursor, whatever the line ends", () => {
    expect(surroundings("a\r\n\r\n  b = ", ")\r\n\r\n  c\r\n", true)).toEqual({
      multiline: true,
      lineStart: "  b = ",
      lineEnd: ")",
      lineAbove: "a",
      lineBelow: "  c",
    });
    expect(surroundings("", "", false)).toMatchObject({ lineAbove: "", lineBelow: "", multiline: false });
  });
});

describe("small parts", () => {
  it("counts indentation as Python does", () => {
    expect(["", "  x", "\tx", "  \tx", "\t  x"].map(indentation)).toEqual([0, 2, 8, 8, 10]);
  });
  it("trims torn characters only at the end", () => {
    expect(trimPartialCharacter("a\ufffdb\ufffd")).toBe("a\ufffdb");
  });
});
