import { describe, expect, it } from "vitest";
import type { JobProblem } from "../../protocol/job";
import { MOST_SHOWN, shownProblems } from "./shownProblems";

const problem = (changes: Partial<JobProblem> = {}): JobProblem => ({
  type: "problem",
  file: "/a.jsonl",
  row: 3,
  check: "wrong-type",
  message: "No.",
  column: 5,
  endColumn: 9,
  severity: "warning",
  ...changes,
});

describe("the problems that are shown", () => {
  it("stand where they were found", () => {
    expect(shownProblems([problem()], 1)).toEqual([
      { line: 2, start: 4, end: 8, check: "wrong-type", severity: "warning", message: "No." },
    ]);
  });

  it("cover a character at least, and the row where no column is known", () => {
    const [empty] = shownProblems([problem({ endColumn: 5 })], 1);
    expect([empty!.start, empty!.end]).toEqual([4, 5]);
    const { column: _, endColumn: __, severity: ___, ...bare } = problem();
    expect(shownProblems([bare], 1)).toMatchObject([{ start: 0, end: Number.MAX_SAFE_INTEGER, severity: "error" }]);
  });

  it("stand at the row's start too where VS Code does not draw them", () => {
    const shown = shownProblems([problem({ column: 123_456, endColumn: 123_460 }), problem()], 2);
    expect(shown.map(({ start, message }) => [start, message])).toEqual([
      [123_455, "No."],
      [0, "No. (at column 123,456 of this row)"],
      [4, "No."],
    ]);
  });

  it("are bounded, and the last says how many more there are", () => {
    const many = Array.from({ length: 1200 }, (_, index) => problem({ row: index + 1 }));
    const shown = shownProblems(many, 5000);
    expect(shown).toHaveLength(MOST_SHOWN);
    expect(shown.at(-1)).toMatchObject({ line: 0, severity: "information" });
    expect(shown.at(-1)!.message).toMatch(/^4,001 more problems/);
    const long = shownProblems(
      Array.from({ length: 700 }, () => problem({ column: 20_000 })),
      700,
    );
    expect(long).toHaveLength(MOST_SHOWN - 1);
    expect(long.at(-1)!.message).toMatch(/^201 more problems/);
  });
});
