import { describe, expect, it } from "vitest";
import type { SimilarWindow } from "./similarCode";
import { chooseSnippets, keepSimilar } from "./snippetChoice";

const window = (line: number, similarity: number, text = `text ${line}`): SimilarWindow => ({
  path: "a.py",
  line,
  text,
  similarity,
});

describe("the choice of snippets", () => {
  it("begins with what changes least, and has nothing twice", () => {
    const edit = { path: "b.py", from: 0, to: 1, text: "x = 1" };
    const snippets = chooseSnippets({
      definitions: [{ kind: "definition", path: "c.py", text: "def f(): ..." }],
      edits: [edit, { ...edit, text: "x = 1\n" }, { ...edit, text: " " }, { ...edit, text: "y" }],
      similar: [window(0, 0.9, "x = 1"), window(20, 0.5), window(40, 0.4)],
    });
    expect(snippets.map(({ kind, text }) => [kind, text])).toEqual([
      ["definition", "def f(): ..."],
      ["edit", "x = 1"],
      ["similar", "text 20"],
    ]);
  });

  it("keeps similar code until another is much better", () => {
    const before = [window(0, 0.5), window(20, 0.4)];
    expect(keepSimilar(before, [window(60, 0.45), window(0, 0.4), window(20, 0.35)])).toBe(before);
    const better = [window(60, 0.9), window(0, 0.4), window(20, 0.35)];
    expect(keepSimilar(before, better)).toBe(better);
    const changed = [window(0, 0.5, "other"), window(20, 0.4)];
    expect(keepSimilar(before, changed)).toBe(changed);
    expect(keepSimilar(before, [window(0, 0.5)])).toEqual([window(0, 0.5)]);
    expect(keepSimilar([], before)).toBe(before);
    expect(keepSimilar(before, [])).toEqual([]);
  });
});
