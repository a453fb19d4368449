import * as vscode from "vscode";
import { PREFIX_CHARACTERS, SUFFIX_CHARACTERS } from "./completionText";

/** Text around a place, with \n as line ends. */
export interface TextAround {
  prefix: string;
  suffix: string;
  /** `prefix` begins where the file, or the notebook, does. */
  isWhole: boolean;
}

/** `from` and `to`: the same place, or the range that something is about to replace. */
export function textAround(document: vscode.TextDocument, from: vscode.Position, to = from): TextAround {
  const start = document.positionAt(Math.max(0, document.offsetAt(from) - PREFIX_CHARACTERS));
  const end = document.positionAt(document.offsetAt(to) + SUFFIX_CHARACTERS);
  const prefix = unixLines(document.getText(new vscode.Range(start, from)));
  const suffix = unixLines(document.getText(new vscode.Range(to, end)));
  const isWhole = start.line === 0 && start.character === 0;
  const notebook = isWhole ? notebookOf(document) : undefined;
  if (notebook === undefined) return { prefix, suffix, isWhole };
  const above = codeAbove(notebook, document);
  const all = `${above}${prefix}`;
  return { prefix: all.slice(-PREFIX_CHARACTERS), suffix, isWhole: all.length <= PREFIX_CHARACTERS };
}

export function notebookOf(document: vscode.TextDocument): vscode.NotebookDocument | undefined {
  if (document.uri.scheme !== "vscode-notebook-cell") return undefined;
  return vscode.workspace.notebookDocuments.find((notebook) =>
    notebook.getCells().some((cell) => cell.document === document),
  );
}

/** The cells of the same language before this one, as one text. */
function codeAbove(notebook: vscode.NotebookDocument, document: vscode.TextDocument): string {
  const cells = notebook.getCells();
  const index = cells.findIndex((cell) => cell.document === document);
  return cells
    .slice(0, index)
    .filter((cell) => cell.kind === vscode.NotebookCellKind.Code && cell.document.languageId === document.languageId)
    .map((cell) => `${withoutMagics(unixLines(cell.document.getText()).trimEnd())}\n\n`)
    .join("");
}

/** Lines that are for the notebook and no Python. */
function withoutMagics(code: string): string {
  return code.replace(/^[%!].*\n?/gm, "");
}

export function unixLines(text: string): string {
  return text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
}
