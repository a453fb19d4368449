import { describe, expect, it } from "vitest";
import { ColumnPicker, parseColumnMapping } from "./columnMapping";

const pick = (mapping: string, row: Record<string, unknown>) =>
  new ColumnPicker(parseColumnMapping([mapping])).pick(row);

describe("parseColumnMapping", () => {
  it("reads names, paths and escapes", () => {
    expect(parseColumnMapping(["instruction=question, output=answers.text.0", "id", "a\\,b=c\\=d"])).toEqual([
      { name: "instruction", from: "question" },
      { name: "output", from: "answers.text.0" },
      { name: "id", from: "id" },
      { name: "a,b", from: "c=d" },
    ]);
  });

  it.each(["a=", "=a", "a=b=c", "a,,b", "a=b,a=c", "__proto__=a"])("refuses %s", (text) => {
    expect(() => parseColumnMapping([text])).toThrow(/^The columns /);
  });
});

describe("ColumnPicker", () => {
  it("follows paths through objects and arrays", () => {
    const row = { answers: { text: ["one", "two"], "a.b": 1 }, "x.y": { z: 2 } };
    expect(pick("output=answers.text.1,n=answers.a.b,z=x.y.z,none=answers.text.7", row)).toEqual({
      output: "two",
      n: 1,
      z: 2,
    });
  });

  it("reads nothing that a row inherits", () => {
    expect(pick("a=constructor,b=list.length", { list: [1] })).toEqual({});
  });

  it("needs the columns that a path begins with", () => {
    const picker = new ColumnPicker(parseColumnMapping(["q=question,a=answers.text.0"]));
    expect([...picker.neededOf(["id", "question", "answers"])]).toEqual(["question", "answers"]);
    expect(() => picker.neededOf(["id", "question"])).toThrow(
      'There is no column "answers.text.0": the columns are id, question.',
    );
  });

  it("finds out after the rows that none of them had a column", () => {
    const picker = new ColumnPicker(parseColumnMapping(["a=first,b=second"]));
    picker.pick({ first: 1 });
    picker.pick({ first: 1, third: 2 });
    expect(() => picker.checkFound()).toThrow('There is no column "second": the columns are first, third.');
    picker.pick({ second: null });
    picker.checkFound();
  });
});
