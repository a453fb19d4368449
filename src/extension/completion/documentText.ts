import * as vscode from "vscode";
import { PREFIX_CHARACTERS, SUFFIX_CHARACTERS } from "./completionText";
import { asPython, linesForNotebook } from "./notebookCode";

const CELL_SCHEME = "vscode-notebook-cell";

/** Text around a place, with \n as line ends. */
export interface TextAround {
  prefix: string;
  suffix: string;
  /** `prefix` begins where the file, or the notebook, does. */
  isWhole: boolean;
}

/** `from` and `to`: the same place, or the range that something is about to replace. */
export function textAround(document: vscode.TextDocument, from: vscode.Position, to = from): TextAround {
  const notebook = notebookOf(document.uri);
  if (notebook !== undefined) return textInNotebook(notebook, document, from, to);
  const start = document.positionAt(Math.max(0, document.offsetAt(from) - PREFIX_CHARACTERS));
  const end = document.positionAt(document.offsetAt(to) + SUFFIX_CHARACTERS);
  const prefix = unixLines(document.getText(new vscode.Range(start, from)));
  const suffix = unixLines(document.getText(new vscode.Range(to, end)));
  return { prefix, suffix, isWhole: start.line === 0 && start.character === 0 };
}

/** The cells above belong to what stands before the cursor; what follows is the cell's own. */
function textInNotebook(
  notebook: vscode.NotebookDocument,
  document: vscode.TextDocument,
  from: vscode.Position,
  to: vscode.Position,
): TextAround {
  const { lines, python } = cellCode(document);
  // The cursor's line stays as it is: it is being written.
  const own = [...python.slice(0, from.line), (lines[from.line] ?? "").slice(0, from.character)].join("\n");
  const suffix = [(lines[to.line] ?? "").slice(to.character), ...python.slice(to.line + 1)].join("\n");
  const pieces = [own];
  let length = own.length;
  for (const cell of pythonCells(notebook, document).slice(0, -1).reverse()) {
    if (length > PREFIX_CHARACTERS) break;
    const piece = `${cellCode(cell).python.join("\n").trimEnd()}\n\n`;
    pieces.unshift(piece);
    length += piece.length;
  }
  return {
    prefix: pieces.join("").slice(-PREFIX_CHARACTERS),
    suffix: suffix.slice(0, SUFFIX_CHARACTERS),
    isWhole: length <= PREFIX_CHARACTERS,
  };
}

/** The notebook that a cell is of. */
export function notebookOf(cell: vscode.Uri): vscode.NotebookDocument | undefined {
  if (cell.scheme !== CELL_SCHEME) return undefined;
  const key = cell.toString();
  return vscode.workspace.notebookDocuments.find(
    (notebook) =>
      notebook.uri.path === cell.path && notebook.getCells().some(({ document }) => document.uri.toString() === key),
  );
}

/** The file on the disk: a cell's is its notebook's. */
export function fileUri(uri: vscode.Uri): vscode.Uri {
  return notebookOf(uri)?.uri ?? uri;
}

/** The cells of code in this one's language, from the first one to it. */
export function pythonCells(notebook: vscode.NotebookDocument, document: vscode.TextDocument): vscode.TextDocument[] {
  const cells = notebook.getCells();
  return cells
    .slice(0, cells.findIndex((cell) => cell.document === document) + 1)
    .filter((cell) => cell.kind === vscode.NotebookCellKind.Code && cell.document.languageId === document.languageId)
    .map((cell) => cell.document);
}

/** Whether the line is a magic, a shell command or another thing that is for the notebook and no Python. */
export function isForNotebook(document: vscode.TextDocument, line: number): boolean {
  return notebookOf(document.uri) !== undefined && cellCode(document).forNotebook.has(line);
}

interface CellCode {
  version: number;
  lines: readonly string[];
  python: readonly string[];
  forNotebook: ReadonlySet<number>;
}

const cellCodes = new WeakMap<vscode.TextDocument, CellCode>();

function cellCode(document: vscode.TextDocument): CellCode {
  const { version } = document;
  const known = cellCodes.get(document);
  if (known?.version === version) return known;
  const lines = unixLines(document.getText()).split("\n");
  const forNotebook = linesForNotebook(lines);
  const code = { version, lines, python: asPython(lines, forNotebook), forNotebook };
  cellCodes.set(document, code);
  return code;
}

export function unixLines(text: string): string {
  return text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
}
