import { beforeAll, describe, expect, it } from "vitest";
import { loadPythonParser, parsePython } from "./parser";

beforeAll(loadPythonParser);

describe("the parser", () => {
  it("places an error in UTF-16 code units", () => {
    expect(parsePython("x = 1\na = 'é😀' b")).toMatchObject([
      { startLine: 1, startColumn: 10, endLine: 1, endColumn: 11 },
    ]);
  });

  it.each([
    "return 1",
    "await x",
    "break",
    "x = 1\nglobal x",
    "def f(a, a): pass",
    "class A:\n    ...",
    "match x:\n    case 1: pass",
    "type A[T] = list[T]",
    "t'{x}'",
    "f'{x!r:>{width}} {'nested'}'",
    "try:\n    pass\nexcept* A:\n    pass",
    "",
  ])("lets %j pass", (source) => {
    expect(parsePython(source)).toEqual([]);
  });

  it("gives the first error of a long source", () => {
    const source = `${"a = 'é😀'\r\n".repeat(2_000)}b = 'é😀' c\nd e\n`;
    expect(parsePython(source)).toEqual([
      {
        message: "Simple statements must be separated by newlines or semicolons",
        startLine: 2000,
        startColumn: 10,
        endLine: 2000,
        endColumn: 11,
      },
    ]);
    expect(parsePython("b = 'é😀' c\nd e\n")).toHaveLength(2);
  });

  it.each(["Ã©", "👩\u200d", "`", "$?"])("gets through a long line of %j", (piece) => {
    expect(parsePython(piece.repeat(90_000 / piece.length))).toHaveLength(1);
  });

  it("counts brackets as CPython does", () => {
    expect(parsePython(`x = ${"(".repeat(200)}1${")".repeat(200)}`)).toEqual([]);
    expect(parsePython(`y\nx = ${"(".repeat(201)}1${")".repeat(201)}`)).toEqual([
      { message: "too many nested parentheses", startLine: 1, startColumn: 204, endLine: 1, endColumn: 205 },
    ]);
    expect(parsePython("[".repeat(99_000))).toHaveLength(1);
  });

  it.each([
    ["not", "not ".repeat(20_000)],
    ["signs", "-".repeat(90_000)],
    ["powers", `x = ${"1**".repeat(30_000)}1`],
    ["attributes", `x${".y".repeat(40_000)}`],
  ])("survives what exhausts its stack: %s", (_, source) => {
    parsePython(source);
    expect(parsePython("x = (")).toHaveLength(1);
    expect(parsePython("x = 1")).toEqual([]);
  });

  it("leaves texts alone that are too long for an answer", () => {
    expect(parsePython("x = ".repeat(1_000_000))).toEqual([]);
  });
});
