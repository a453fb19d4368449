/** A row is one line, which cannot be folded; a large file's rows are folded by the hundred. */

import { type FoldingRange, FoldingRangeKind } from "vscode-languageserver";
import type { Feature } from "../feature";

const ROWS_OF_BLOCK = 100;

export const folding: Feature = {
  capabilities: { foldingRangeProvider: true },
  register({ connection, documents }) {
    connection.onFoldingRanges(({ textDocument }): FoldingRange[] => {
      const document = documents.get(textDocument.uri);
      if (!document) return [];
      const { lines } = document;
      // The empty line after the last line end is none of the rows.
      return blocks(lines.at(-1)?.text === "" ? lines.length - 1 : lines.length);
    });
  },
};

export function blocks(lines: number): FoldingRange[] {
  if (lines <= ROWS_OF_BLOCK) return [];
  const ranges: FoldingRange[] = [];
  for (let startLine = 0; startLine < lines - 1; startLine += ROWS_OF_BLOCK) {
    const endLine = Math.min(lines, startLine + ROWS_OF_BLOCK) - 1;
    const collapsedText = `rows ${startLine + 1} to ${endLine + 1}`;
    ranges.push({ startLine, endLine, kind: FoldingRangeKind.Region, collapsedText });
  }
  return ranges;
}
