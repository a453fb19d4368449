import { describe, expect, it } from "vitest";
import { rowFacts } from "../duplicates/rowFacts";
import { row } from "../duplicates/testTexts";
import { OutlierLengths } from "./outlierLengths";
import { PathTable } from "./pathTable";
import { TaskBalance } from "./taskBalance";

/** Rows that are asked to write something, each with an answer of so many characters. */
function outliers(lengths: readonly number[], instruction = "Write it."): string[] {
  const checks = new OutlierLengths(100_000);
  lengths.forEach((length, index) => {
    checks.add(index + 1, rowFacts(row(instruction, "x".repeat(length))));
  });
  return [...checks.findings()].map(({ row, problem }) => `${row} ${problem.path.join(".")} ${problem.message}`);
}

const usual = Array.from({ length: 400 }, (_, index) => 400 + index);

describe("unusual lengths", () => {
  it("are those far beyond the median, at the answer", () => {
    expect(outliers([...usual, 30_000, 2])).toEqual([
      "401 output The answer has 30,000 characters where half of this file's answers have at most 599: check that it is meant.",
      "402 output The answer has 2 characters where half of this file's answers have at least 599: check that it is meant.",
    ]);
  });

  it("are none within 20 times the median and a fiftieth of it, and none of empty answers", () => {
    expect(outliers([...usual, 11_900, 13, 0])).toEqual([]);
  });

  it("are no short answers to what may be answered shortly", () => {
    expect(outliers([...usual, 2], "What is the output?")).toEqual([]);
  });

  it("are none in a small file, and none where they are many", () => {
    expect(outliers([...usual.slice(0, 190), 30_000])).toEqual([]);
    expect(outliers([...usual, ...Array.from({ length: 20 }, () => 30_000)])).toEqual([]);
  });

  it("are none below 4,000 characters", () => {
    expect(outliers([...usual.map(() => 10), 3900])).toEqual([]);
    expect(outliers([...usual.map(() => 10), 4100])).toHaveLength(1);
  });

  it("are found among more rows than there was room for at first", () => {
    const found = outliers([30_000, 2, ...usual, ...usual, ...usual, 30_000]);
    expect(found.map((line) => line.split(" ", 2))).toEqual([
      ["1", "output"],
      ["1203", "output"],
      ["2", "output"],
    ]);
  });
});

describe("the balance of tasks", () => {
  function finding(counts: Record<string, number>) {
    const balance = new TaskBalance();
    let row = 0;
    for (const [task, rows] of Object.entries(counts)) {
      for (let of = 0; of < rows; of++) balance.add(++row, task, ["instruction"]);
    }
    return balance.finding();
  }

  it("is lost where one task has more than 60 % of the rows: said once, at its first row", () => {
    expect(finding({ explain: 20, write: 150, fix: 20, what: 20, sort: 20 })).toEqual({
      row: 21,
      problem: {
        check: "task-imbalance",
        message:
          '65 % of this file\'s instructions are of one kind ("write"), as this one is: add rows of other kinds unless that is meant.',
        path: ["instruction"],
      },
    });
  });

  it("is not asked of small files, of files with few tasks, nor where it is kept", () => {
    expect(finding({ explain: 10, write: 150, fix: 10, what: 10, sort: 10 })).toBeNull();
    expect(finding({ write: 300, fix: 10, what: 10, sort: 10 })).toBeNull();
    expect(finding({ write: 120, explain: 20, fix: 20, what: 20, sort: 20 })).toBeNull();
    expect(finding({ other: 500, write: 10, explain: 20, fix: 20, what: 20, sort: 20 })).toBeNull();
  });
});

it("paths are held once, and the row's own stands for those beyond 65,535", () => {
  const paths = new PathTable();
  const first = paths.numberOf(["messages", 0, "content"]);
  expect(paths.numberOf(["messages", 0, "content"])).toBe(first);
  expect(paths.path(first)).toEqual(["messages", 0, "content"]);
  expect(paths.path(paths.numberOf([]))).toEqual([]);
  for (let turn = 0; turn < 70_000; turn++) expect(paths.numberOf(["turns", turn])).toBeLessThan(65_536);
  expect(paths.path(paths.numberOf(["turns", 69_999]))).toEqual([]);
});
