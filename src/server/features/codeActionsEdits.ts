import { type Range, TextEdit } from "vscode-languageserver";
import { difference } from "../../dataset/fixes/edits";
import type { JsonlDocument, Line } from "../jsonlDocument";

/** Collects what becomes of a document's lines, from top to bottom, as few and small edits. */
export class LineEdits {
  private readonly edits: TextEdit[] = [];
  /** Lines that go, not written out yet: neighbours make one edit. */
  private removed: { first: number; last: number } | null = null;

  constructor(private readonly document: JsonlDocument) {}

  /** Puts `rows` in the place of `count` lines from `first` on; lines must come in order. */
  replace(first: number, count: number, rows: readonly string[]): void {
    if (rows.length === 0) {
      this.remove(first, first + count - 1);
      return;
    }
    this.flush();
    const { lines } = this.document;
    const text = rows.join("\n");
    if (count > 1) {
      const [start, end] = [lines[first]!, lines[first + count - 1]!];
      const last = first + count - 1;
      this.edits.push(
        TextEdit.replace(between(first, start.indent, last, end.indent + end.text.length), this.withEnds(text)),
      );
      return;
    }
    const edit = difference(lines[first]!.text, text);
    if (!edit) return;
    const range = this.document.rangeInLine(first, edit.offset, edit.length);
    this.edits.push(TextEdit.replace(range, this.withEnds(edit.text)));
  }

  add(edit: TextEdit): void {
    this.flush();
    this.edits.push(edit);
  }

  result(): TextEdit[] {
    this.flush();
    return this.edits;
  }

  private remove(first: number, last: number): void {
    if (this.removed && this.removed.last + 1 === first) {
      this.removed.last = last;
      return;
    }
    this.flush();
    this.removed = { first, last };
  }

  private flush(): void {
    if (!this.removed) return;
    const { first, last } = this.removed;
    this.removed = null;
    this.edits.push(TextEdit.del(this.rangeOf(first, last)));
  }

  /** With the line ends after them; the document's last lines go with the one before. */
  private rangeOf(first: number, last: number): Range {
    const { lines } = this.document;
    if (last + 1 < lines.length) return between(first, lines[first]!.indent, last + 1, 0);
    const end = width(lines[last]!);
    if (first === 0) return between(0, lines[0]!.indent, last, end);
    return between(first - 1, width(lines[first - 1]!), last, end);
  }

  private withEnds(text: string): string {
    const end = this.document.lines[0]!.end || "\n";
    return end === "\n" ? text : text.replaceAll("\n", end);
  }
}

export function between(startLine: number, start: number, endLine: number, end: number): Range {
  return { start: { line: startLine, character: start }, end: { line: endLine, character: end } };
}

/** Columns of a line, a byte order mark included. */
export function width({ text, indent }: Line): number {
  return text.length + indent;
}
