/**
 * A JSON Lines document as its lines. An edit replaces the lines it touches and leaves every other line object as it
 * is, so that whatever was found out about a line stays with it. Columns count UTF-16 code units.
 */

import type { Position, Range, TextDocumentContentChangeEvent } from "vscode-languageserver";
import type { RowRecord } from "./datasetAnalysis";

export interface Line {
  /** Without the line's end and without a byte order mark. */
  readonly text: string;
  /** "\n", "\r\n", "\r", or "" on the last line. */
  readonly end: string;
  /** 1 on a first line that begins with a byte order mark, else 0: the column of `text`'s first character. */
  readonly indent: number;
  /** What the analysis has found out about the line: it goes with the line object, and away with it. */
  record: RowRecord | undefined;
}

const LINE_END = /\r\n|\r|\n/g;
const BYTE_ORDER_MARK = "\ufeff";

export class JsonlDocument {
  private content: Line[];
  private currentVersion: number;

  constructor(
    readonly uri: string,
    readonly languageId: string,
    version: number,
    text: string,
  ) {
    this.currentVersion = version;
    this.content = splitLines(text, true);
  }

  get version(): number {
    return this.currentVersion;
  }

  /** At least one; the last has no end. */
  get lines(): readonly Line[] {
    return this.content;
  }

  getText(): string {
    return this.content.map(fullText).join("");
  }

  update(changes: readonly TextDocumentContentChangeEvent[], version: number): void {
    for (const change of changes) {
      if ("range" in change && change.range) this.replace(change.range, change.text);
      else this.content = splitLines(change.text, true);
    }
    this.currentVersion = version;
  }

  /** The range of `length` characters from `offset` of a line's text. */
  rangeInLine(lineNumber: number, offset: number, length: number): Range {
    const start = offset + (this.content[lineNumber]?.indent ?? 0);
    return {
      start: { line: lineNumber, character: start },
      end: { line: lineNumber, character: start + length },
    };
  }

  private replace(range: Range, text: string): void {
    const [start, end] = inOrder(this.clamp(range.start), this.clamp(range.end));
    let first = start.line;
    const last = end.line;
    const lastLine = this.content[last]!;
    let replaced =
      beforeColumn(this.content[first]!, start.character) + text + afterColumn(lastLine, end.character) + lastLine.end;
    // A "\n" that comes to stand behind a "\r" makes one line end of the two.
    if (replaced.startsWith("\n") && this.content[first - 1]?.end === "\r") {
      first--;
      replaced = fullText(this.content[first]!) + replaced;
    }
    this.splice(first, last - first + 1, splitLines(replaced, first === 0), last === this.content.length - 1);
  }

  /** Lines split from text that ends in a line end have an empty last one; only a document's end keeps it. */
  private splice(first: number, count: number, lines: Line[], atEnd: boolean): void {
    if (!atEnd) lines.pop();
    // A call with very many arguments would overflow the stack.
    if (lines.length < 10_000) this.content.splice(first, count, ...lines);
    else this.content = this.content.slice(0, first).concat(lines, this.content.slice(first + count));
  }

  private clamp(position: Position): Position {
    if (position.line < 0) return { line: 0, character: 0 };
    const line = this.content[position.line];
    if (!line) {
      const last = this.content.length - 1;
      return { line: last, character: width(this.content[last]!) };
    }
    return { line: position.line, character: Math.min(Math.max(position.character, 0), width(line)) };
  }
}

/** The configuration that `TextDocuments` needs. */
export const jsonlDocuments = {
  create: (uri: string, languageId: string, version: number, content: string): JsonlDocument =>
    new JsonlDocument(uri, languageId, version, content),
  update: (document: JsonlDocument, changes: TextDocumentContentChangeEvent[], version: number): JsonlDocument => {
    document.update(changes, version);
    return document;
  },
};

function splitLines(text: string, atStart: boolean): Line[] {
  const lines: Line[] = [];
  let start = 0;
  LINE_END.lastIndex = 0;
  for (let match = LINE_END.exec(text); match; match = LINE_END.exec(text)) {
    lines.push(makeLine(text.slice(start, match.index), match[0], atStart && start === 0));
    start = match.index + match[0].length;
  }
  lines.push(makeLine(text.slice(start), "", atStart && start === 0));
  return lines;
}

function makeLine(text: string, end: string, first: boolean): Line {
  const marked = first && text.startsWith(BYTE_ORDER_MARK);
  return { text: marked ? text.slice(1) : text, end, indent: marked ? 1 : 0, record: undefined };
}

function lineText(line: Line): string {
  return line.indent ? BYTE_ORDER_MARK + line.text : line.text;
}

function fullText(line: Line): string {
  return lineText(line) + line.end;
}

function width(line: Line): number {
  return line.text.length + line.indent;
}

function beforeColumn(line: Line, column: number): string {
  return lineText(line).slice(0, column);
}

function afterColumn(line: Line, column: number): string {
  return lineText(line).slice(column);
}

function inOrder(a: Position, b: Position): [Position, Position] {
  const ordered = a.line < b.line || (a.line === b.line && a.character <= b.character);
  return ordered ? [a, b] : [b, a];
}
