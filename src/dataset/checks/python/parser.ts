import type { Diagnostic, Workspace } from "@astral-sh/ruff-wasm-nodejs";

/** Ruff's parser, compiled to WebAssembly: strict, and the newest Python's grammar. */

export interface PythonError {
  message: string;
  /** 0-based lines; columns in UTF-16 code units. */
  startLine: number;
  startColumn: number;
  endLine: number;
  endColumn: number;
}

/** CPython's own limit (`MAXSTACK` of its tokenizer's brackets); deeper ones only exhaust the stack. */
const deepestBrackets = 200;
/** A longer text is no answer to train on, and hostile ones take time that grows with the square of their length. */
const longestSource = 100_000;
/** Of a longer source only the first error is asked for: each one's column costs a pass over its line. */
const longestChecked = 10_000;
/**
 * Every crash leaks a part of the module's stack, which holds for about 1,400 of them. A file that comes near is not
 * worth more.
 */
const maximumCrashes = 500;

/** No lint rules: only what the parser says. */
const options = { "target-version": "py314", lint: { select: [] } };

let createWorkspace: (() => Workspace) | null = null;
let workspace: Workspace | null = null;
let crashes = 0;

/** Loads the parser, once, in about 0.1 s. Until then `parsePython` finds no errors. */
export async function loadPythonParser(): Promise<void> {
  if (createWorkspace !== null) return;
  const ruff = await import("@astral-sh/ruff-wasm-nodejs");
  createWorkspace = () => new ruff.Workspace(options, ruff.PositionEncoding.Utf16);
}

/** The syntax errors of the source, in its order; of a long one the first. Empty too where it was not parsed. */
export function parsePython(source: string): PythonError[] {
  if (createWorkspace === null || crashes >= maximumCrashes || source.length > longestSource) return [];
  const tooDeep = tooDeepBracket(source);
  if (tooDeep !== null) return [tooDeep];
  try {
    workspace ??= createWorkspace();
    const failure = firstFailure(workspace, source);
    if (failure === null) return [];
    if (source.length > longestChecked) return onlyError(source, failure);
    const found = workspace.check(source) as Diagnostic[];
    return found.length === 0
      ? []
      : found.filter(({ code }) => code === null || code === "invalid-syntax").map(asError);
  } catch {
    // The parser recurses: a hostile text can exhaust its stack. What it held is lost, the next text gets a new one.
    crashes++;
    workspace = null;
    return [];
  }
}

/**
 * What the parser fails with first, or null. It only parses, which most code survives: a fifth of the time that `check`
 * takes to say where it fails.
 */
function firstFailure(parser: Workspace, source: string): string | null {
  try {
    parser.comments(source);
    return null;
  } catch (error) {
    if (error instanceof RangeError || (error instanceof Error && error.name === "RuntimeError")) throw error;
    return error instanceof Error ? error.message : String(error);
  }
}

/** `Expected an expression at byte range 17..18`. */
const failurePattern = /^(.*) at byte range (\d+)\.\.(\d+)$/s;

function onlyError(source: string, failure: string): PythonError[] {
  const match = failurePattern.exec(failure);
  if (match === null) return [];
  const bytes = Buffer.from(source);
  const [startLine, startColumn] = position(bytes.toString("utf8", 0, Number(match[2])));
  const [endLine, endColumn] = position(bytes.toString("utf8", 0, Number(match[3])));
  return [{ message: match[1]!, startLine, startColumn, endLine, endColumn }];
}

/** Line and column at the end of the source that stands before. */
function position(before: string): [number, number] {
  const lines = before.split(/\r\n|\r|\n/);
  return [lines.length - 1, lines.at(-1)!.length];
}

function asError(diagnostic: Diagnostic): PythonError {
  const { start_location: start, end_location: end } = diagnostic;
  return {
    message: diagnostic.message,
    startLine: start.row - 1,
    startColumn: start.column - 1,
    endLine: end.row - 1,
    endColumn: end.column - 1,
  };
}

/** Counts brackets in strings and comments too: none but a hostile text has so many open ones. */
function tooDeepBracket(source: string): PythonError | null {
  let depth = 0;
  for (let index = 0; index < source.length; index++) {
    const code = source.charCodeAt(index);
    if (code === 0x28 || code === 0x5b || code === 0x7b) depth++;
    else if (depth > 0 && (code === 0x29 || code === 0x5d || code === 0x7d)) depth--;
    if (depth <= deepestBrackets) continue;
    const [line, column] = position(source.slice(0, index));
    return {
      message: "too many nested parentheses",
      startLine: line,
      startColumn: column,
      endLine: line,
      endColumn: column + 1,
    };
  }
  return null;
}
