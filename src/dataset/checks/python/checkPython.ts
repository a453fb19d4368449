import type { RowProblem } from "../../problem";
import { type Fence, findFences } from "../text/fences";
import { problemAt } from "../text/problemAt";
import type { TextPart } from "../textPart";
import { bareLines } from "./bareLines";
import { isProse, looksLikePython, noErrors } from "./looksLikePython";
import { mixedIndentation } from "./mixedIndentation";
import { type PythonError, parsePython } from "./parser";
import { python2Remedy, silentPython2 } from "./python2";
import { isForeignCell, type PythonSource, sourceOf, withoutMagics, withoutPrompts } from "./source";

export interface PythonContext {
  /** Whether most answers of the file are Python: a doubtful one then counts as Python too. */
  pythonDataset: boolean;
}

interface Block {
  source: PythonSource;
  /** It is marked as Python: nothing is guessed. */
  declared: boolean;
  /** It is a part of a Markdown text: that most answers are Python says nothing about it. */
  fenced: boolean;
}

const pythonLanguages = new Set(["python", "py", "python3", "py3", "python2", "ipython", "ipython3"]);

/**
 * Python in an answer that does not parse, and indentation that mixes tabs and spaces; at most one of each.
 * `loadPythonParser` must have been awaited.
 */
export function checkPython(part: TextPart, context: PythonContext): RowProblem[] {
  const problems: RowProblem[] = [];
  for (const block of blocksOf(part.text)) {
    const mixed = mixedIndentation(part, block.source, block.declared);
    if (mixed !== null && !problems.some(({ check }) => check === "mixed-indentation")) problems.push(mixed);
    if (problems.some(({ check }) => check === "python-syntax")) continue;
    const error = syntaxProblem(part, block, context);
    if (error !== null) problems.push(error);
  }
  return problems;
}

/** No answer has so many. */
const maximumBlocks = 500;

/** The fenced blocks that are or may be Python; the whole text where nothing is fenced. */
function blocksOf(text: string): Block[] {
  const fences = findFences(text);
  if (fences.length === 0) return [{ source: sourceOf(text, 0, text.length), declared: false, fenced: false }];
  return fences
    .filter(mayBePython)
    .slice(0, maximumBlocks)
    .map((fence) => ({
      source: sourceOf(text, fence.contentStart, fence.contentEnd),
      declared: fence.language !== "",
      fenced: true,
    }));
}

/** An open fence has its own check, and what it holds was cut. */
function mayBePython({ closed, language }: Fence): boolean {
  return closed && (language === "" || pythonLanguages.has(language));
}

function syntaxProblem(part: TextPart, { source, declared, fenced }: Block, context: PythonContext): RowProblem | null {
  const [parsed, errors] = parse(source);
  const first = errors[0];
  if (first === undefined) return silentProblem(part, parsed, declared);
  if (!declared && !isPython(parsed, errors, context.pythonDataset && !fenced)) return null;
  const remedy = python2Remedy(bareLine(parsed, first.startLine));
  const { start, end } = rangeOf(part.text, parsed, first);
  const what =
    remedy === null
      ? `is not valid Python: ${lowerFirst(first.message)}; mend it, or remove the row.`
      : `does not parse. This is Python 2: ${remedy}.`;
  return problemAt(part, "python-syntax", start, end, what);
}

/** As it stands, or where that fails as a notebook's cell or an interactive session. */
function parse(source: PythonSource): [PythonSource, PythonError[]] {
  const errors = parsePython(source.code);
  if (errors.length === 0) return [source, errors];
  if (isForeignCell(source)) return [source, []];
  const session = withoutPrompts(source) ?? source;
  const cleaned = withoutMagics(session) ?? session;
  return cleaned === source ? [source, errors] : [cleaned, parsePython(cleaned.code)];
}

function isPython({ lines }: PythonSource, errors: PythonError[], pythonDataset: boolean): boolean {
  const code = lines.map((line) => line.code);
  const first = errors[0]!;
  const bare = bareLines(code);
  const failing = code[first.startLine] ?? "";
  const nearLongString = /""|''/.test(failing) || first.endLine > first.startLine + 1;
  if (!nearLongString && isProse(bare[first.startLine]?.bare ?? "")) return false;
  const failed = new Set(errors.map(({ startLine }) => startLine));
  const errorLines = [...failed].filter((line) => python2Remedy(bare[line]?.bare ?? "") === null).length;
  return looksLikePython(code, { brokenLine: first.startLine, errorLines, nearLongString, pythonDataset });
}

function silentProblem(part: TextPart, source: PythonSource, declared: boolean): RowProblem | null {
  const found = silentPython2(source);
  if (found === null) return null;
  if (
    !declared &&
    !looksLikePython(
      source.lines.map(({ code }) => code),
      noErrors,
    )
  )
    return null;
  const line = source.lines[found.line]!;
  const start = line.start + (line.code.length - line.code.trimStart().length);
  return problemAt(part, "python-syntax", start, line.end, `is Python 2 in part: ${found.remedy}.`);
}

function bareLine({ lines }: PythonSource, line: number): string {
  return bareLines([lines[line]?.code ?? ""])[0]?.bare ?? "";
}

/** What the parser marks; where that is empty or a line's end, the last character before. */
function rangeOf(text: string, { lines }: PythonSource, error: PythonError): { start: number; end: number } {
  const startLine = lines[Math.min(error.startLine, lines.length - 1)]!;
  const endLine = lines[Math.min(error.endLine, lines.length - 1)]!;
  let start = Math.min(startLine.start + error.startColumn, startLine.end);
  let end = Math.min(endLine.start + error.endColumn, endLine.end);
  while (end > start && /\s/.test(text[end - 1]!)) end--;
  if (end > start) return { start, end };
  while (start > lines[0]!.start && /\s/.test(text[start] ?? " ")) start--;
  return { start, end: start + 1 };
}

function lowerFirst(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}
