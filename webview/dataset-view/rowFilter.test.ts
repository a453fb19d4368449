import { describe, expect, it } from "vitest";
import type { RowFilter, SampleRow } from "../../src/protocol/datasetView";
import { filterRows, fittingFilter, isFiltered, NO_FILTER } from "./rowFilter";

const row = (number: number, rest: Partial<SampleRow> = {}): SampleRow => ({
  row: number,
  offset: 0,
  skip: 0,
  title: `Write function ${number}`,
  length: number * 10,
  language: "python",
  task: "write",
  heldOut: false,
  problems: [],
  ...rest,
});
const rows = [
  row(1),
  row(2, { language: "sql", heldOut: true }),
  row(3, { problems: [{ check: "secret", message: "" }] }),
  row(1234, { title: "", length: null, language: null, task: null, heldOut: null }),
];
const numbers = (filter: Partial<RowFilter>) => filterRows(rows, { ...NO_FILTER, ...filter }).map((found) => found.row);

describe("the filter of rows", () => {
  it("lists all rows where nothing is asked for", () => {
    expect(numbers({})).toEqual([1, 2, 3, 1234]);
    expect([isFiltered(NO_FILTER), isFiltered({ ...NO_FILTER, text: " " })]).toEqual([false, false]);
    expect(isFiltered({ ...NO_FILTER, heldOut: false })).toBe(true);
  });

  it("asks for a problem, a language, a task, a side of the split", () => {
    expect(numbers({ check: "secret" })).toEqual([3]);
    expect(numbers({ language: "sql" })).toEqual([2]);
    expect(numbers({ task: "write" })).toEqual([1, 2, 3]);
    expect(numbers({ heldOut: true })).toEqual([2]);
    expect(numbers({ heldOut: false, language: "sql" })).toEqual([]);
  });

  it("takes lengths from the first up to the last, which is left out", () => {
    expect(numbers({ length: { from: 10, to: 20 } })).toEqual([1]);
    expect(numbers({ length: { from: 10, to: 31 } })).toEqual([1, 2, 3]);
  });

  it("that was kept loses what the report no longer has", () => {
    const kept = { ...NO_FILTER, check: "secret", language: "sql", text: "x" };
    const problem = { check: "secret", title: "", severity: "error", problems: 1, rows: 1 } as const;
    const choices = { problems: [problem], languages: [], tasks: [] };
    expect(fittingFilter(kept, choices)).toEqual({ ...NO_FILTER, check: "secret", text: "x" });
    expect(fittingFilter(undefined, choices)).toEqual(NO_FILTER);
  });

  it("looks for a text in any case, and for a row's number as it is written", () => {
    expect(numbers({ text: " FUNCTION 2 " })).toEqual([2]);
    expect(numbers({ text: "1,234" })).toEqual([1234]);
    expect(numbers({ text: "<b>" })).toEqual([]);
  });
});
