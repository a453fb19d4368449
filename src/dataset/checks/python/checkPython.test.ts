import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { TextPart } from "../textPart";
import { checkPython } from "./checkPython";
import { loadPythonParser } from "./parser";

const part = (text: string): TextPart => ({ path: ["output"], text, role: "answer" });
const check = (text: string, pythonDataset = false) => checkPython(part(text), { pythonDataset });
const marked = (text: string, pythonDataset = false) =>
  check(text, pythonDataset).map(({ range }) => text.slice(range!.start, range!.end));

beforeAll(loadPythonParser);

describe("Python that does not parse", () => {
  it("is marked where the parser stopped, with what it says", () => {
    const text = "# é😀\ndef f(x):\n    for i in range(x) print(i)\n";
    expect(check(text)).toEqual([
      {
        check: "python-syntax",
        message: '"output" is not valid Python: expected `:`, found identifier; mend it, or remove the row.',
        path: ["output"],
        range: { start: text.indexOf("print"), end: text.indexOf("print") + 5 },
      },
    ]);
  });

  it("is marked on its last character where the line ends too early", () => {
    const text = "def f(x)\r\n    return x\r\n";
    expect(check(text)).toMatchObject([{ range: { start: 7, end: 8 } }]);
  });

  it.each([
    ["a missing bracket", "import os\n\nprint(os.getcwd()\nx = 1"],
    ["a missing quote", "def f():\n    return 'a\n"],
    ["a missing quote of a docstring", 'def f():\n    ""Say what this function does."""\n    return 1'],
    ["a broken indentation", "def f():\n    x = 1\n   return x\n"],
    ["indentation that was lost", "def f(n):\n if n <= 1:\n return 1\n else:\n return n\n"],
  ])("is found with %s", (_, text) => {
    expect(check(text)).toMatchObject([{ check: "python-syntax" }]);
  });

  it("is found in the blocks that are marked as Python, in the text's own columns", () => {
    const text = "So:\n\n1. Do\n   ```python\n   x = 1\n   y = = 2\n   ```\n\n```js\nlet x = ;\n```\n";
    const at = text.indexOf("= 2");
    expect(check(text)).toMatchObject([{ range: { start: at, end: at + 1 } }]);
  });

  it("is looked for in unmarked blocks that look like it", () => {
    expect(marked("```\ndef f(x:\n    return x\n```")).toHaveLength(1);
    expect(check("```\nNAME  STATUS\npod-1 Running\n```")).toEqual([]);
    expect(check("```\nApothem = (Side Length) / 2\n```", true)).toEqual([]);
  });

  it("is taken for Python sooner where most answers are", () => {
    expect(check("total = sum(x", false)).toEqual([]);
    expect(marked("total = sum(x", true)).toHaveLength(1);
  });

  it.each([
    ["valid code", "def f(x):\n    return x\n"],
    ["an indented snippet", "    x = 1\n    return x\n"],
    ["an interactive session", ">>> def f(x):\n...     return x\n...\n>>> f(1)\n1\n"],
    ["a notebook's cell", "%matplotlib inline\nimport numpy as np\n!pip install x\n"],
    ["a notebook's questions and assignments", "import os\nfiles = !ls\nt = %timeit -o f()\n?os\nos.path?\nfiles??\n"],
    ["another language's cell", "```python\n%%bash\nls -l | wc\n```"],
    ["placeholders", "def f():\n    ...\n\nclass A: ...\n"],
    ["a block that was cut", "```python\ndef f(:\n"],
    ["prose", "To do this, you can use a for loop in Python. It takes one line."],
    ["prose before code", "Here is the equivalent Python code:\n\ndef f(x):\n    return x\n"],
    ["prose after code", "def f(x):\n    return x\n\nThis function returns the value that it is given.\n"],
    ["JavaScript", "function f(x) {\n  return x;\n}\nfor (const a of b) console.log(a)"],
    ["TypeScript", "import { a } from 'b'\n\nconst x: number = a(1)\nexport default x"],
    ["Java", 'import java.util.List;\n\npublic class A {\n    int x = 1;\n    if (x) print("a");\n}'],
    ["C++", "#include <iostream>\nint main() {\n    std::cout << 1;\n    return 0;\n}"],
    ["SQL", "SELECT name, count(*)\nFROM users\nWHERE id in (1, 2)\nGROUP BY name;"],
    ["shell", '#!/bin/bash\ndir=/tmp\nfor f in $dir; do\n  print "$f"\ndone'],
    ["HTML", '<html>\n<body class="a">\n<p>for x in y</p>\n</body>\n</html>'],
    ["YAML", "name: ci\non: [push]\njobs:\n  build:\n    runs-on: ubuntu\n"],
    ["Ruby", 'def greet(name)\n  puts "Hello #{name}"\nend\n\nclass A\nend'],
    ["Go", 'package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Println("x")\n}'],
    ["Rust", 'fn main() {\n    let x = vec![1];\n    for i in x { println!("{}", i); }\n}'],
    ["Swift", "import Foundation\n\nfunc f(x: Int) -> Int {\n    return x\n}"],
    ["R", "x <- c(1, 2)\nfor (i in x) print(i)"],
    ["a list", "- first thing to do\n- second thing to do\n"],
  ])("is not %s", (_, text) => {
    expect(check(text)).toEqual([]);
    expect(check(text, true)).toEqual([]);
  });
});

describe("Python 2", () => {
  it.each([
    ["def f(x):\n    print 'a'\n", "write print(…) with parentheses"],
    ["import os\nfor x in y:\n    print x\n", "write print(…) with parentheses"],
    ["try:\n    f()\nexcept ValueError, e:\n    pass\n", "write `except … as …`"],
    ["def f():\n    raise ValueError, 'x'\n", "write `raise …(…)`"],
    ["def f(x):\n    return `x`\n", "write repr(…) for backticks"],
    ["def f(x):\n    if x <> 1:\n        pass\n", "write != for <>"],
  ])("is named in %j", (text, remedy) => {
    const [problem] = check(text);
    expect(problem!.check).toBe("python-syntax");
    expect(problem!.message).toContain("Python 2");
    expect(problem!.message).toContain(remedy);
  });

  it("does not take a tuple of classes for it", () => {
    expect(check("try:\n    f()\nexcept ValueError, KeyError:\n    pass\n")).toEqual([]);
  });
});

describe("mixed indentation", () => {
  it.each([
    ["def f(x):\n    a = 1\n\tb = 2\n", "\t"],
    ["def f(x):\n\tif x:\n\t    return 1\n", "\t    "],
    ["```python\nif x:\n \ty = 1\n```", " \t"],
  ])("is marked in %j", (text, indentation) => {
    const found = check(text).find((problem) => problem.check === "mixed-indentation");
    expect(text.slice(found!.range!.start, found!.range!.end)).toBe(indentation);
  });

  it.each([
    "def f(x):\n\tif x:\n\t\treturn 1\n",
    'def f(x):\n    """\n\ta\n    """\n    return 1\n',
    "all:\n\tmake x\n    y\n",
    "a\tb\tc",
  ])("is not in %j", (text) => {
    expect(check(text).filter((problem) => problem.check === "mixed-indentation")).toEqual([]);
  });
});

describe("any text", () => {
  const pieces = fc
    .array(
      fc.constantFrom(
        ...'def f(x):|\n|    |\t|return|\'|"""|(|)|:|é😀|```python\n|```\n|>>> |... |%x |print x|except A, e:|\r\n|import os|x = 1|# c|{|`'.split(
          "|",
        ),
      ),
      { maxLength: 40 },
    )
    .map((all) => all.join(""));

  it("is marked within its bounds, if at all", () => {
    fc.assert(
      fc.property(pieces, fc.boolean(), (text, pythonDataset) => {
        for (const { range } of check(text, pythonDataset)) {
          expect(range!.start).toBeGreaterThanOrEqual(0);
          expect(range!.end).toBeGreaterThan(range!.start);
          expect(range!.end).toBeLessThanOrEqual(text.length);
        }
      }),
    );
  });
});
