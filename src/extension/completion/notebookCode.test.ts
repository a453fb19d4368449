import { describe, expect, it } from "vitest";
import { asPython, linesForNotebook } from "./notebookCode";

const python = (text: string) => {
  const lines = text.split("\n");
  return asPython(lines, linesForNotebook(lines)).join("\n");
};

describe("a cell as Python", () => {
  it.each([
    ["%matplotlib inline\nx = 1", "# %matplotlib inline\nx = 1"],
    ["!pip install numpy\nimport numpy", "# !pip install numpy\nimport numpy"],
    ["files = !ls\nfor f in files:\n    !cat {f}", "# files = !ls\nfor f in files:\n    # !cat {f}"],
    ["took = %timeit -o f()", "# took = %timeit -o f()"],
    ["?print\nlen??\nx = 2", "# ?print\n# len??\nx = 2"],
    ["!echo a \\\n  b\nx = 3", "# !echo a \\\n  # b\nx = 3"],
    ["%%time\ntotal = 0", "# %%time\ntotal = 0"],
    ['\n%%bash\nfor i in 1 2; do\n  echo "it\'s"\ndone', '#\n# %%bash\n# for i in 1 2; do\n  # echo "it\'s"\n# done'],
  ])("%j", (cell, expected) => {
    expect(python(cell)).toBe(expected);
  });

  it.each([
    'text = """\n%s is\n!not\n"""',
    "value = (total\n% 7)",
    "value = total \\\n% 7",
    "a != b\nx = a % b\ny = '!'",
    "def f(x):\n    return x",
    "# what?",
    "",
  ])("leaves %j alone", (cell) => {
    expect(python(cell)).toBe(cell);
  });

  it("leaves what is data alone, and finds its way out of what never ends", () => {
    const data = `x = """\n${"%s\n".repeat(100_000)}`;
    expect(python(data)).toBe(data);
    const open = `x = (\n${"!ls\n".repeat(40_000)}`;
    expect(python(open)).toBe(open);
    expect(linesForNotebook("!ls\n".repeat(40_000).split("\n")).size).toBe(40_000);
  });
});
