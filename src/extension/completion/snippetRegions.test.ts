import { beforeEach, describe, expect, it } from "vitest";
import { SnippetRegions } from "./snippetRegions";

const DOCUMENT = "file:///shop.py";

describe("where a snippet is filled in", () => {
  let regions: SnippetRegions;
  let text: string;

  beforeEach(() => {
    regions = new SnippetRegions();
    text = "";
  });

  const put = (offset: number, length: number, added: string, undone = false) => {
    text = text.slice(0, offset) + added + text.slice(offset + length);
    regions.changed(DOCUMENT, [{ offset, length, text: added }], undone);
  };
  const select = (start: number, end = start) => regions.selected(DOCUMENT, { start, end });
  const behind = (offset: number) =>
    regions.hasStopsBehind(DOCUMENT, offset, ({ start, end }) => text.slice(start, end));

  it("is where text was put in and the cursor is within it", () => {
    put(0, 0, "print(value)\nmore");
    select(6, 11);
    put(6, 5, "x");
    select(7);
    expect(behind(7)).toBe(true);
    put(7, 0, "yz");
    select(9);
    expect(behind(9)).toBe(true);
    put(0, 0, "# above\n");
    expect(behind(17)).toBe(true);
  });

  it("is no longer there where only closing brackets follow, or at its end", () => {
    put(0, 0, "print(value)");
    select(6, 11);
    put(6, 5, "x");
    select(7);
    expect(behind(7)).toBe(false);
    put(7, 0, "\nmore");
    expect(behind(7)).toBe(true);
    expect(behind(text.length)).toBe(false);
  });

  it("is left with the cursor, or with the document", () => {
    put(0, 0, "x = 1\n");
    for (const leave of [() => select(2), () => regions.forget(DOCUMENT), () => put(4, 4, "")]) {
      put(6, text.length - 6, "f(a, b)\nlast");
      select(8, 9);
      expect(behind(8)).toBe(true);
      leave();
      expect(behind(8)).toBe(false);
    }
  });

  it("holds a snippet within a snippet", () => {
    put(0, 0, "if test:\n    pass\nlast");
    select(3, 7);
    put(3, 4, "f(a, b)");
    select(5, 6);
    expect(behind(9)).toBe(true);
    select(9);
    expect(behind(9)).toBe(true);
  });

  it("is not where anything else was put in", () => {
    put(0, 0, "pasted = f(a)\nb");
    select(text.length);
    expect(behind(5)).toBe(false);
    put(0, 0, "()");
    select(1);
    expect(behind(1)).toBe(false);
    put(0, 0, "undone = f(a)\nb", true);
    select(3);
    expect(behind(3)).toBe(false);
    put(0, 0, "elsewhere = f(a)\nb");
    regions.selected("file:///other.py", { start: 3, end: 3 });
    select(3);
    expect(behind(3)).toBe(false);
  });
});
