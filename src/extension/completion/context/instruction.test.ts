import { describe, expect, it } from "vitest";
import { RowMaker } from "../../../dataset/fromPython/rows";
import { askedFor } from "./instruction";

/** The cursor is at ‸. */
function asked(code: string): string | null {
  const [before, after] = code.split("‸") as [string, string];
  const lines = before.split("\n");
  const line = lines.pop()!;
  return askedFor(lines, line, after.split("\n")[1]);
}

describe("a comment that asks for code", () => {
  it.each([
    ["# parse the date and return it‸", "parse the date and return it"],
    ["def f(s):\n    # Parse the date and return it.\n    ‸", "Parse the date and return it."],
    ["# parse the date\n# and return it\n‸", "parse the date\nand return it"],
    ["# TODO: handle empty lists‸", "handle empty lists"],
    ["# TODO(ada): empty lists as well\n‸", "empty lists as well"],
    ["# Then, please sort the names by length‸", "sort the names by length"],
    ["# a function that counts words in a file‸", "a function that counts words in a file"],
    ["# Helper to read one row‸", "Helper to read one row"],
    ["# return the largest of the values‸", "return the largest of the values"],
    ["# create database tables‸", "create database tables"],
    ["#: compute the mean‸", "compute the mean"],
    ["# the cache\n#\n# remove old entries from it‸", "remove old entries from it"],
    ["    # read the file‸\n\nx = 1", "read the file"],
    ["    # read the file‸\nx = 1", "read the file"],
    ["# read the file‸\n# and print it", "read the file"],
  ])("%j", (code, expected) => {
    expect(asked(code)).toBe(expected);
  });
});

describe("a comment that explains, or is none", () => {
  it.each([
    "# the cache is shared between threads‸",
    "# Returns the number of rows‸",
    "# return value‸",
    "# list of names‸",
    "# format string for dates‸",
    "# set of known ids‸",
    "# test data‸",
    "# sort order‸",
    "# why is this here?‸",
    "# NOTE: parse the date later‸",
    "# FIXME: this is slow‸",
    "# parse‸",
    "# x = compute(1)‸",
    "# print(the_value)‸",
    "# return result‸",
    "# import numpy‸",
    "# from os import path‸",
    "# for name in names:‸",
    "# raise ValueError‸",
    "# type: ignore‸",
    "# noqa: E501‸",
    "# -*- coding: utf-8 -*-‸",
    "#!/usr/bin/env python3‸",
    "# ---- helpers ----‸",
    "# read: see below‸",
    "x = 1  # set the value‸",
    "x = 1\n‸",
    "‸",
    "text = '# parse the date'‸",
    "# read the file‸\nwith open(path) as file:",
    "# read the file\nx = 1\n‸",
    "# read the file\n\n‸",
    `${"# read the file\n".repeat(9)}‸`,
  ])("%j", (code) => {
    expect(asked(code)).toBeNull();
  });
});

describe("a docstring", () => {
  const header = 'def parse(text, strict=False):\n    """Parse a date."""';
  const task = "Write a Python function `parse(text, strict=False)`.\n\nParse a date.";
  it.each([
    [`${header}‸`, task],
    [`${header}\n    ‸`, task],
    [`${header}\n\n    ‸`, task],
    [
      'class A:\n    x = 1\n\n    async def f(self):\n        r"""Do it.\n\n        Twice.\n        """\n        ‸',
      "Write an async Python method `f(self)` of class `A`.\n\nDo it.\n\nTwice.",
    ],
    [
      "def f(\n    a: int,  # one\n    b=2,\n) -> int:\n    '''The sum\n    of both.'''\n    ‸",
      "Write a Python function `f(a: int, b=2) -> int`.\n\nThe sum\nof both.",
    ],
    [`${header}\n    ‸\n\nx = 1`, task],
    [`${header}\n    ‸\ndef other():`, task],
  ])("right under a function's header asks: %j", (code, expected) => {
    expect(asked(code)).toBe(expected);
  });

  it.each([
    'class A:\n    """A thing."""\n    ‸',
    '"""A module."""\n‸',
    `${header}\n\n\n    ‸`,
    `${header}\n    ‸\n    return 1`,
    `${header}\n    x = 1\n    ‸`,
    'def f():\n    x = """a\n    b"""\n    ‸',
    'def f():\n    """Begun‸',
    'def f():\n    """‸',
    'def f():\n    """"""‸',
    'if x:\n    """Not one."""\n    ‸',
    'x = f(a,\n    b):\n    """Not one."""\n    ‸',
  ])("that is no function's, or has its body, does not: %j", (code) => {
    expect(asked(code)).toBeNull();
  });
});

it("asks for a function in the words that rows made of Python files do", () => {
  const body = "        total = sum(values) / len(values)\n        return round(total, self.digits)\n";
  const asking =
    'class Table:\n    def mean(self, values, *, weights=None) -> float:\n        """The mean of the values."""\n';
  const [row] = new RowMaker().rowsOf(asking + body, "table.py");
  expect(asked(`${asking}        ‸`)).toBe(row?.instruction);
});

it("stays quick where the text is hostile", () => {
  const long = "#".repeat(100_000);
  expect(askedFor([long, `${" ".repeat(100_000)}# parse ${"the ".repeat(100_000)}`], "")?.length).toBeLessThan(1501);
  expect(
    askedFor(
      Array.from({ length: 100_000 }, () => 'x """'),
      '"""',
    ),
  ).toBeNull();
});
