import { describe, expect, it } from "vitest";
import { RecentEdits } from "./recentEdits";

/** A document that notes what is done to it. */
class Edited {
  constructor(
    private readonly edits: RecentEdits,
    readonly path: string,
    readonly lines: string[],
  ) {}

  replace(startLine: number, removed: number, ...texts: string[]): void {
    this.lines.splice(startLine, removed, ...texts);
    const change = { startLine, removed, added: texts.length };
    this.edits.note(this.path, change, (from, to) => this.lines.slice(from, to + 1).join("\n"));
  }
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `line ${i}`);

describe("recent edits", () => {
  it("are hunks of other files, the newest first", () => {
    const edits = new RecentEdits();
    const a = new Edited(edits, "a.py", numbered(50));
    const b = new Edited(edits, "b.py", numbered(50));
    a.replace(10, 1, "x = 1");
    b.replace(3, 1, "y = 1");
    a.replace(40, 1, "z = 1", "z = 2");
    expect(edits.elsewhere("b.py").map(({ text }) => text)).toEqual(["z = 1\nz = 2", "x = 1"]);
    expect(edits.elsewhere("a.py").map(({ text }) => text)).toEqual(["y = 1"]);
    edits.forget("a.py");
    expect(edits.elsewhere("b.py")).toEqual([]);
  });

  it("grow while one types, and move with what is changed above them", () => {
    const edits = new RecentEdits();
    const a = new Edited(edits, "a.py", numbered(50));
    a.replace(20, 1, "def f():");
    a.replace(20, 1, "def f(x):");
    a.replace(21, 1, "    return x", "");
    expect(edits.elsewhere("b.py")).toHaveLength(1);
    a.replace(2, 1, "new", "new", "new");
    a.replace(24, 1, "    return x + 1");
    const hunks = edits.elsewhere("b.py");
    expect(hunks.map(({ text }) => text)).toEqual(["def f(x):\n    return x\n    return x + 1", "new\nnew\nnew"]);
  });

  it("are few and short, and blank ones are left out", () => {
    const edits = new RecentEdits();
    const a = new Edited(edits, "a.py", numbered(2000));
    for (let line = 0; line < 1000; line += 20) a.replace(line, 1, `changed ${line}`);
    expect(edits.elsewhere("b.py")).toHaveLength(16);
    a.replace(1500, 1, ...numbered(300));
    expect(edits.elsewhere("b.py")[0]!.text.split("\n")).toHaveLength(24);
    a.replace(1900, 3, "");
    expect(edits.elsewhere("b.py")[0]!.text).not.toBe("");
  });
});
