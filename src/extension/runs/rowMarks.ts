/** Marks on the rows of a text that move with them, and go where a row is changed. Without VS Code, so that it can be tested. */

export interface RowMark {
  /** 0-based. */
  line: number;
  /** Of the line's text, in UTF-16 code units. */
  length: number;
  loss: number;
}

/** As VS Code tells it: what stood between two places is replaced. */
export interface TextEdit {
  range: { start: TextPlace; end: TextPlace };
  text: string;
}

interface TextPlace {
  /** 0-based. */
  line: number;
  character: number;
}

/** The marks after the edits, which apply one after the other. */
export function moveMarks(marks: readonly RowMark[], edits: readonly TextEdit[]): RowMark[] {
  let moved = [...marks];
  for (const edit of edits) {
    moved = moved.flatMap((mark) => {
      const line = lineAfter(mark, edit);
      return line === null ? [] : [{ ...mark, line }];
    });
  }
  return moved;
}

/** Null: the row itself was changed. */
function lineAfter({ line, length }: RowMark, { range: { start, end }, text }: TextEdit): number | null {
  if (line < start.line) return line;
  const moved = line + (text.match(/\r\n|\r|\n/g)?.length ?? 0) - (end.line - start.line);
  if (line > end.line) return moved;
  const untouchedAfter = line === end.line && end.character === 0;
  if (untouchedAfter && (text === "" ? start.character === 0 : /[\r\n]$/.test(text))) return moved;
  const untouchedBefore = line === start.line && start.character >= length;
  if (untouchedBefore && /^[\r\n]/.test(text)) return line;
  return null;
}
