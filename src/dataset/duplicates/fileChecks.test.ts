import { existsSync, readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TextPart } from "../checks/textPart";
import { type FileCheckOptions, FileChecks, fileFindings } from "./fileChecks";
import type { FileFinding } from "./finding";
import { HeldOutIndex } from "./heldOutLeak";
import { exactFacts, rowFacts } from "./rowFacts";
import { row, seeded, words } from "./testTexts";

function check(rows: readonly TextPart[][], options: FileCheckOptions = {}): FileFinding[] {
  const checks = new FileChecks(options);
  const found = rows.flatMap((parts, index) => checks.add(index + 1, rowFacts(parts)));
  return [...found, ...checks.finish()];
}

function brief(findings: readonly FileFinding[]): string[] {
  return findings.map(({ row, problem, other }) => `${row} ${problem.check} ${other}`);
}

const add = row("Write a function that adds two numbers.", "def add(a, b):\n    return a + b");

describe("exact duplicates", () => {
  it("each name the first, at the instruction", () => {
    const findings = check([add, row("Say yes.", "Yes."), add, add]);
    expect(brief(findings)).toEqual(["3 duplicate-row 1", "4 duplicate-row 1"]);
    expect(findings[0]?.problem).toEqual({
      check: "duplicate-row",
      message: "This row is the same as row 1: remove one of them.",
      path: ["instruction"],
    });
  });

  it("are the groups that brute force finds", () => {
    const text = fc.constantFrom("a", "b", "c");
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 30 }), (pairs) => {
        const first = new Map<string, number>();
        const expected = pairs.flatMap(([prompt, answer], index) => {
          const key = `${prompt} ${answer}`;
          if (!first.has(key)) first.set(key, index + 1);
          return first.get(key) === index + 1 ? [] : [`${index + 1} duplicate-row ${first.get(key)}`];
        });
        const found = brief(check(pairs.map(([prompt, answer]) => row(prompt, answer))));
        expect(found.filter((line) => line.includes("duplicate-row"))).toEqual(expected);
      }),
    );
  });

  it("are not rows without texts", () => {
    expect(check([row("", ""), row("", ""), [], []])).toEqual([]);
  });
});

describe("conflicting answers", () => {
  it("name the first row with the prompt", () => {
    const findings = check([row("Is it?", "Yes."), row("Is it?", "No."), row("Is it?", "Maybe.")]);
    expect(brief(findings)).toEqual(["2 conflicting-answers 1", "3 conflicting-answers 1"]);
    expect(findings[0]?.problem).toEqual({
      check: "conflicting-answers",
      message: "Row 1 gives another answer to this instruction: keep the right one.",
      path: ["instruction"],
    });
  });

  it("are not answers that differ in white space or letter case alone", () => {
    expect(check([row("Is it?", "Yes, it is."), row("Is it?", "yes,  it IS.")])).toEqual([]);
  });

  it("are not answers to different inputs or system texts, to no prompt, and not empty ones", () => {
    expect(check([row("Is it?", "Yes.", { context: "1" }), row("Is it?", "No.", { context: "2" })])).toEqual([]);
    expect(check([row("Is it?", "Yes.", { system: "1" }), row("Is it?", "No.", { system: "2" })])).toEqual([]);
    expect(check([row(" ", "Yes."), row("", "No.")])).toEqual([]);
    expect(check([row("Is it?", "Yes."), row("Is it?", " ")])).toEqual([]);
  });

  it("stand for the near-duplicate of the same row", () => {
    const answer = words(60, seeded(1)).join(" ");
    expect(brief(check([row("Say it.", answer), row("Say it.", `${answer} more`)]))).toEqual([
      "2 conflicting-answers 1",
    ]);
  });
});

const introduction = words(40, seeded(4)).join(" ");
const almost = row("Write a function that adds two numbers.", "def add(a, b):\n    return a+b  # done");

it("does not call an exact duplicate a near one, nor name one as the nearest", () => {
  expect(brief(check([add, add, almost]))).toEqual(["2 duplicate-row 1", "3 conflicting-answers 1"]);
  const asked = row("Write the function that adds two numbers.", "def add(a, b):\n    return a + b");
  const long = (parts: TextPart[]) => parts.map((part) => ({ ...part, text: `${part.text} ${introduction}` }));
  expect(brief(check([long(add), long(add), long(asked)]))).toEqual(["2 duplicate-row 1", "3 near-duplicate 1"]);
});

it("lists the nearest rows for the hover", () => {
  const checks = new FileChecks();
  checks.add(1, rowFacts(add));
  checks.add(2, rowFacts(almost));
  expect(checks.nearest(1, rowFacts(add)).map((match) => match.row)).toEqual([2]);
  expect(checks.nearest(1, exactFacts(add))).toEqual([]);
});

describe("a held-out file", () => {
  const text = words(60, seeded(2)).join(" ");
  const heldOut = new HeldOutIndex();
  [add, row("Is it?", "Yes."), row("Say it all.", text), row("Empty", "")].forEach((parts, index) => {
    heldOut.add(index + 1, rowFacts(parts));
  });

  it("leaks where a row is the same, asks the same or is nearly the same", () => {
    const rows = [row("Unlike all.", "Indeed."), add, row("Is it?", "No."), row("Say it all.", `${text} now`)];
    const findings = check([...rows, row("Say all of it.", text)], { heldOut });
    expect(brief(findings).filter((line) => line.includes("leak"))).toEqual([
      "2 held-out-leak 1",
      "3 held-out-leak 2",
      "4 held-out-leak 3",
      "5 held-out-leak 3",
    ]);
    expect(findings.map((finding) => finding.problem.message)).toEqual([
      "Row 1 of the held-out file is the same as this one: remove it from one of the files.",
      "Row 2 of the held-out file has the same instruction: remove it from one of the files.",
      "Row 3 of the held-out file has the same instruction: remove it from one of the files.",
      expect.stringMatching(/^Row 3 of the held-out file is 9\d % the same as this one: remove it/),
      expect.stringMatching(/^This row is 9\d % the same as row 4/),
    ]);
  });

  it("does not leak into rows that are only alike", () => {
    const half = text.slice(0, text.length / 2);
    expect(check([row("Say it half.", half), row("Was it?", "Yes.")], { heldOut })).toEqual([]);
    const most = row("Say it all now.", text.slice(0, text.length * 0.9));
    expect(brief(check([row("Say it all.", text), most]))).toEqual(["2 near-duplicate 1"]);
    expect(check([most], { heldOut })).toEqual([]);
  });
});

describe("memory", () => {
  it("is bounded: rows beyond the limit are compared with those within it", () => {
    const checks = new FileChecks({ mostExactRows: 2, mostNearRows: 1 });
    const rows = ["one", "two", "three", "three", "two"].map((word) => row(`Say ${word}.`, word));
    const found = rows.flatMap((parts, index) => checks.add(index + 1, exactFacts(parts)));
    expect(brief(found)).toEqual(["5 duplicate-row 2"]);
    expect(checks.leftOut).toEqual({ exact: 2, near: 0 });
  });

  it("is below 400 bytes a row, as the options say", () => {
    const checks = new FileChecks({ expectedRows: 20_000 });
    expect(checks.bytes / 20_000).toBeLessThan(400);
    expect(new FileChecks({ expectedRows: 10_000_000 }).bytes).toBeLessThan(300e6);
  });
});

describe("all findings of a file", () => {
  const facts = [add, row("Is it?", "Yes."), add, row("Is it?", "No.")].map(
    (parts, index) => [index + 1, rowFacts(parts)] as const,
  );

  it("are found in slices, by row", async () => {
    let asked = 0;
    let waited = 0;
    const found = await fileFindings(facts, new FileChecks(), () => {
      asked++;
      if (asked % 2 === 1) return undefined;
      waited++;
      return Promise.resolve();
    });
    expect([...found].map(([number, findings]) => [number, findings.map(({ other }) => other)])).toEqual([
      [3, [1]],
      [4, [2]],
    ]);
    expect([asked, waited]).toEqual([4, 2]);
  });

  it("are given up where the caller gives up", async () => {
    const givenUp = fileFindings(facts, new FileChecks(), () => Promise.reject(new Error("given up")));
    await expect(givenUp).rejects.toThrow("given up");
  });
});

const real = new URL("../../../../shared/data/instruct/python-alpaca-1200.jsonl", import.meta.url);

describe.runIf(existsSync(real))("1,200 real rows", () => {
  it("have eleven near-duplicates and nothing else", () => {
    const rows = readFileSync(real, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { instruction: string; input: string; output: string })
      .map(({ instruction, input, output }) => row(instruction, output, { context: input }));
    const findings = brief(check(rows));
    expect(findings.filter((line) => !line.includes("near-duplicate"))).toEqual([]);
    expect(findings).toHaveLength(11);
  });
});
