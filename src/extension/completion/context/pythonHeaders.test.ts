import { describe, expect, it } from "vitest";
import { headersOf, importsOf, moduleFiles, outlineOf, usedOf } from "./pythonHeaders";

const FILE = `"""Dates."""
import os, sys as system
from typing import Any
from .parts import Year, Month as M  # two
from ..base import (
    Base,  # the root
    Other,
)

LIMIT = 3


@cache
def parse(text: str, *, strict: bool = False) -> "Date":
    def inner(a):
        pass


async def load(
    path,
    options={"a": [1, 2]},  # defaults
) -> None:
    ...


class Date(Base, metaclass=Meta):
    """A day."""

    def __init__(self, year):
        pass

    def _hidden(self): ...

    @property
    def month(self) -> int:
        def deep(): ...


class Empty: pass
`;

describe("imports", () => {
  it("are read with what is taken from them", () => {
    expect(importsOf(FILE)).toEqual([
      { module: "os", level: 0, names: null, line: 1 },
      { module: "sys", level: 0, names: null, line: 1 },
      { module: "typing", level: 0, names: ["Any"], line: 2 },
      { module: "parts", level: 1, names: ["Year", "Month"], line: 3 },
      { module: "base", level: 2, names: ["Base", "Other"], line: 4 },
    ]);
    expect(importsOf("from . import parts\nfrom x import *\n")).toEqual([
      { module: "", level: 1, names: ["parts"], line: 0 },
      { module: "x", level: 0, names: [], line: 1 },
    ]);
  });

  it("lead to files", () => {
    expect(moduleFiles("a.b")).toEqual(["a/b.py", "a/b/__init__.py", "a/b.pyi"]);
    expect(moduleFiles("")).toEqual(["__init__.py"]);
  });

  it("are used with a dot", () => {
    expect(usedOf("dates.parse(x); dates.Date; my.dates.no; dates.parse; xdates.no", "dates")).toEqual([
      "parse",
      "Date",
    ]);
    expect(usedOf("a.b.c + a.d", "a.b")).toEqual(["c"]);
  });
});

describe("outlines", () => {
  const headers = headersOf(FILE);

  it("are a function's header on one line", () => {
    expect(outlineOf(headers, "parse")).toBe('def parse(text: str, *, strict: bool = False) -> "Date": ...');
    expect(outlineOf(headers, "load")).toBe('async def load(path, options={"a": [1, 2]}) -> None: ...');
    expect(outlineOf(headers, "missing")).toBeNull();
  });

  it("are a class's with its public methods", () => {
    expect(outlineOf(headers, "Date")).toBe(
      "class Date(Base, metaclass=Meta):\n    def __init__(self, year): ...\n    def month(self) -> int: ...",
    );
    expect(outlineOf(headers, "Empty")).toBe("class Empty: ...");
  });

  it("leave out what is torn or too long, quickly", () => {
    expect(headersOf("def f(a,\n")).toEqual([]);
    expect(headersOf(`def f(${"a, ".repeat(100_000)}): pass`)).toEqual([]);
    expect(headersOf("def f((((((\n".repeat(20_000))).toEqual([]);
  });
});
