/** Which line a row of a data set stands on while the file is edited around it. Pure. */

export interface LineChange {
  range: { start: { line: number }; end: { line: number; character: number } };
  text: string;
}

/** Where line `line` is after a change that may have been made above it. */
export function followLine(line: number, { range, text }: LineChange): number {
  const { start, end } = range;
  const above = end.line < line || (end.line === line && end.character === 0);
  if (!above) return line;
  const added = text.split(/\r\n|\r|\n/).length - 1;
  return Math.max(0, line + added - (end.line - start.line));
}

/** The line nearest to `line` that holds `row`; null: it is nowhere. */
export function findRow(textOf: (line: number) => string, lines: number, line: number, row: string): number | null {
  for (let away = 0; away < Math.max(lines - line, line + 1); away++) {
    for (const candidate of away === 0 ? [line] : [line - away, line + away]) {
      if (candidate >= 0 && candidate < lines && textOf(candidate) === row) return candidate;
    }
  }
  return null;
}
