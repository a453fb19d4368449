import { expect, it } from "vitest";
import { moveMarks, type TextEdit } from "./rowMarks";

const rows = ["zero", "one", "two", "three", "four"];
const marks = rows.map((text, line) => ({ line, length: text.length, loss: line }));

function edit(start: [number, number], end: [number, number], text: string): TextEdit {
  const place = ([line, character]: [number, number]) => ({ line, character });
  return { range: { start: place(start), end: place(end) }, text };
}

/** The rows whose marks are left, by where they are now. */
function after(...edits: TextEdit[]): Record<number, number> {
  return Object.fromEntries(moveMarks(marks, edits).map(({ line, loss }) => [loss, line]));
}

it("lets the marks below move with a row that is put in", () => {
  expect(after(edit([2, 0], [2, 0], "new\n"))).toEqual({ 0: 0, 1: 1, 2: 3, 3: 4, 4: 5 });
  expect(after(edit([2, 3], [2, 3], "\r\nnew"))).toEqual({ 0: 0, 1: 1, 2: 2, 3: 4, 4: 5 });
});

it("takes the mark of a row away that is deleted, and moves those below", () => {
  expect(after(edit([1, 0], [2, 0], ""))).toEqual({ 0: 0, 2: 1, 3: 2, 4: 3 });
  expect(after(edit([1, 0], [3, 0], ""))).toEqual({ 0: 0, 3: 1, 4: 2 });
});

it("takes the mark of a row away that is changed, wherever in it", () => {
  for (const at of [0, 1, 3]) expect(after(edit([2, at], [2, at], "x"))).toEqual({ 0: 0, 1: 1, 3: 3, 4: 4 });
  expect(after(edit([2, 0], [2, 3], ""))).toEqual({ 0: 0, 1: 1, 3: 3, 4: 4 });
  expect(after(edit([2, 1], [2, 1], "\n"))).toEqual({ 0: 0, 1: 1, 3: 4, 4: 5 });
});

it("takes the marks of rows away that become one", () => {
  expect(after(edit([1, 3], [2, 0], ""))).toEqual({ 0: 0, 3: 2, 4: 3 });
});

it("follows several edits in the order in which they are made", () => {
  expect(after(edit([4, 0], [4, 0], "b\n"), edit([1, 0], [1, 0], "a\n"))).toEqual({ 0: 0, 1: 2, 2: 3, 3: 4, 4: 6 });
});
