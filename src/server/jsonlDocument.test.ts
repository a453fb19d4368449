import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TextDocument } from "vscode-languageserver-textdocument";
import { JsonlDocument } from "./jsonlDocument";

const open = (text: string) => new JsonlDocument("file:///a.jsonl", "jsonl", 1, text);
const range = (startLine: number, start: number, endLine: number, end: number) => ({
  start: { line: startLine, character: start },
  end: { line: endLine, character: end },
});

describe("lines", () => {
  it.each<[string, string[]]>([
    ["", [""]],
    ["a", ["a"]],
    ["a\n", ["a", ""]],
    ["a\r\nb\rc\nd", ["a", "b", "c", "d"]],
    ["\n\n", ["", "", ""]],
    ["a\u2028b\u0085c", ["a\u2028b\u0085c"]],
  ])("%j", (text, lines) => {
    const document = open(text);
    expect(document.lines.map((line) => line.text)).toEqual(lines);
    expect(document.getText()).toBe(text);
  });

  it("keep a byte order mark out of the first line's text, but not out of its columns", () => {
    const document = open('\ufeff{"a":1}\n\ufeffb');
    expect(document.lines.map((line) => line.text)).toEqual(['{"a":1}', "\ufeffb"]);
    expect(document.rangeInLine(0, 1, 3)).toEqual(range(0, 2, 0, 5));
    expect(document.rangeInLine(1, 0, 1)).toEqual(range(1, 0, 1, 1));
    document.update([{ range: range(0, 0, 0, 1), text: "" }], 2);
    expect(document.rangeInLine(0, 1, 3)).toEqual(range(0, 1, 0, 4));
  });
});

describe("an edit", () => {
  it("leaves the lines it does not touch as the objects they are", () => {
    const document = open("zero\none\ntwo\nthree\nfour");
    const before = [...document.lines];
    document.update([{ range: range(1, 1, 2, 1), text: "X\nY" }], 2);
    expect(document.version).toBe(2);
    expect(document.lines.map((line) => line.text)).toEqual(["zero", "oX", "Ywo", "three", "four"]);
    expect(document.lines[0]).toBe(before[0]);
    expect(document.lines.slice(3)).toEqual(before.slice(3));
    expect(document.lines[3]).toBe(before[3]);
  });

  it("can insert more lines than a call takes arguments", () => {
    const document = open("a\nb");
    document.update([{ range: range(1, 0, 1, 0), text: "x\n".repeat(300_000) }], 2);
    expect(document.lines.length).toBe(300_002);
    expect(document.lines.at(-1)!.text).toBe("b");
  });

  it("takes positions outside the text as its ends", () => {
    const document = open("ab\ncd");
    document.update([{ range: range(0, 99, 7, 3), text: "!" }], 2);
    expect(document.getText()).toBe("ab!");
    document.update([{ range: range(0, 2, 0, 0), text: "-" }], 3);
    expect(document.getText()).toBe("-!");
  });

  it("gives the same text and lines as vscode-languageserver-textdocument's, whatever is edited", () => {
    const text = fc
      .array(fc.constantFrom("a", "é", "\u{1f600}", "\n", "\r\n", "\r", "\ufeff", "{}", '"'), { maxLength: 12 })
      .map((parts) => parts.join(""));
    const position = fc.record({ line: fc.nat(8), character: fc.nat(10) });
    const edit = fc.record({ start: position, end: position, text, whole: fc.nat(9) });
    fc.assert(
      fc.property(text, fc.array(edit, { maxLength: 6 }), (start, edits) => {
        const document = open(start);
        let text = start;
        edits.forEach(({ start: from, end: to, text: inserted, whole }, index) => {
          const ordered = from.line < to.line || (from.line === to.line && from.character <= to.character);
          const change =
            whole === 0
              ? { text: inserted }
              : { range: ordered ? { start: from, end: to } : { start: to, end: from }, text: inserted };
          document.update([change], index + 2);
          // Made anew each time: its line count goes wrong after an edit past the end.
          const reference = TextDocument.create("file:///a.jsonl", "jsonl", 1, text);
          TextDocument.update(reference, [change], 2);
          text = reference.getText();
          expect(document.getText()).toBe(text);
          // Whole replacement and edits lead to the same lines as opening the text anew.
          expect(document.lines).toEqual(open(text).lines);
          expect(document.lines.length).toBe(TextDocument.create("file:///a.jsonl", "jsonl", 1, text).lineCount);
        });
      }),
      { numRuns: 3000 },
    );
  });
});
