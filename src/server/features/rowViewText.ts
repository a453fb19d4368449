/** A row as text to be edited and back, for the extension's readable view; and the spaces of rows as they stand. */

import type { TextEdit } from "vscode-languageserver";
import { formats } from "../../dataset/formats/registry";
import { isCompact, normaliseSpaces, type RowTextResult, rowToText, textToRow } from "../../dataset/rowText";
import type { FormatChoice, RowToTextParams, TextToRowParams } from "../../protocol/server";
import type { Feature } from "../feature";
import { Slices } from "../slices";

export const rowViewText: Feature = {
  capabilities: { documentRangeFormattingProvider: true },
  register({ connection, documents }) {
    connection.onRequest("tunesmith/rowToText", ({ row }: RowToTextParams): RowTextResult => rowToText(row));
    connection.onRequest("tunesmith/textToRow", ({ text, before }: TextToRowParams): RowTextResult => {
      return textToRow(text, { compact: before !== "" && isCompact(before) });
    });
    connection.onRequest("tunesmith/formats", (): FormatChoice[] =>
      formats.map(({ id, name, example }) => ({ id, name, example })),
    );
    connection.onDocumentRangeFormatting(async ({ textDocument, range }): Promise<TextEdit[]> => {
      const document = documents.get(textDocument.uri);
      const edits: TextEdit[] = [];
      const slices = new Slices(new AbortController().signal);
      const version = document?.version;
      for (let line = range.start.line; document && line <= range.end.line && line < document.lines.length; line++) {
        const { text, record } = document.lines[line]!;
        // A selection that ends before a line's first character does not mean that line.
        if (line > range.start.line && line === range.end.line && range.end.character === 0) break;
        if (record?.kind !== "value") continue;
        if (slices.due(text.length)) await slices.next();
        // Edits of another version would spoil this one.
        if (document.version !== version) return [];
        const newText = normaliseSpaces(text);
        if (newText !== text) edits.push({ range: document.rangeInLine(line, 0, text.length), newText });
      }
      return edits;
    });
  },
};
