import { describe, expect, it } from "vitest";
import { HeldOutCode } from "./heldOutCode";

const code = "def area(width, height):\n    if width < 0:\n        raise ValueError(width)\n    return width * height";

function holding(...texts: string[]): HeldOutCode {
  const heldOut = new HeldOutCode();
  for (const text of texts) heldOut.add(text);
  return heldOut;
}

describe("HeldOutCode", () => {
  it("finds code in a file, indented and with the docstring that the answer lacks", () => {
    const method = code.replace("\n", '\n"""The area.\n\nIn square metres."""\n').replace(/^/gm, "    ");
    expect(holding(code).isIn(`import os\n\n\nclass Shape:\n${method}\n\n    name = 1\n`)).toBe(true);
    expect(holding(code).isIn(code.replaceAll("\n", "\r\n\r\n"))).toBe(true);
  });

  it("finds short answers by their longest line", () => {
    const short = "def double(number):\n    return number + number";
    expect(holding(short).isIn('def double(number):\n    """Twice."""\n    return number + number\n')).toBe(true);
    expect(holding("def f():\n    pass").isIn("def g():\n    pass\n")).toBe(false);
  });

  it("lets code pass that shares a few lines", () => {
    const other = "def volume(width, height, depth):\n    if width < 0:\n        raise ValueError(width)\n    return 0";
    expect(holding(code).isIn(other)).toBe(false);
    expect(holding(code).isIn("")).toBe(false);
    expect(holding().isIn(code)).toBe(false);
  });
});
