/** Fixes for all of a document: computed in slices, given up when the document changes or the client cancels. */

import type { TextEdit } from "vscode-languageserver";
import type { CheckId } from "../../dataset/checks/table";
import { answerPlaces, type FixedLine, fixLine, fixSafely } from "../../dataset/fixes/fixLine";
import { joinBrokenRow, unwrapArray } from "../../dataset/fixes/lineFixes";
import { fixById } from "../../dataset/fixes/registry";
import type { Dialect } from "../../dataset/formats/format";
import { lineFindings } from "../findings";
import type { JsonlDocument, Line } from "../jsonlDocument";
import { Slices } from "../slices";
import { between, LineEdits, width } from "./codeActionsEdits";

/** Which fix, as an action carries it until it is chosen. */
export type WholeFileFix =
  | { kind: "row-fix"; fix: string; check: CheckId | null }
  | { kind: "blank-lines" }
  | { kind: "line-ends" }
  | { kind: "join-rows" }
  | { kind: "unwrap-array" }
  | { kind: "safe" };

export interface WholeFileRequest {
  document: JsonlDocument;
  dialect: Dialect | null;
  /** The length check whose results count. */
  countedBy: object | null;
}

const KNOWN_LINE = 4;

/** Throws Cancelled when aborted. */
export async function fixWholeFile(
  fix: WholeFileFix,
  request: WholeFileRequest,
  signal: AbortSignal,
): Promise<TextEdit[]> {
  switch (fix.kind) {
    case "line-ends":
      return unifyLineEnds(request.document);
    case "unwrap-array":
      return unwrap(request.document, signal);
    case "join-rows":
      return joinRows(request.document, signal);
    default:
      return fixLines(lineFixer(fix, request), request, signal);
  }
}

/** What becomes of a line; null: it stays. */
type LineFixer = (line: Line, lineNumber: number) => FixedLine | null;

function lineFixer(fix: WholeFileFix, request: WholeFileRequest): LineFixer {
  const { dialect, countedBy, document } = request;
  const lastLine = document.lines.length - 1;
  const blank: LineFixer = ({ record }, number) => (record?.kind === "blank" && number < lastLine ? [] : null);
  if (fix.kind === "blank-lines") return blank;
  if (fix.kind === "safe") {
    return (line, number) => {
      if (line.record?.kind === "blank") return blank(line, number);
      return lineFindings(line, countedBy).length === 0 ? null : fixSafely(line.text, dialect);
    };
  }
  const rowFix = fix.kind === "row-fix" ? fixById(fix.fix) : null;
  if (fix.kind !== "row-fix" || !rowFix) return () => null;
  const { check } = fix;
  return (line) => {
    const findings =
      check === null
        ? answerPlaces(line.text, dialect).map((offset) => ({
            check: "unbalanced-fence" as const,
            message: "",
            offset,
            length: 1,
          }))
        : lineFindings(line, countedBy).filter((finding) => finding.check === check);
    return findings.length === 0 ? null : fixLine(rowFix, check, line.text, dialect, findings);
  };
}

async function fixLines(fixed: LineFixer, { document }: WholeFileRequest, signal: AbortSignal): Promise<TextEdit[]> {
  const slices = new Slices(signal);
  const edits = new LineEdits(document);
  for (let number = 0; number < document.lines.length; number++) {
    const line = document.lines[number]!;
    if (slices.due(KNOWN_LINE)) await slices.next();
    const rows = fixed(line, number);
    if (rows === null) continue;
    edits.replace(number, 1, rows);
    // Mending a line costs far more than passing one by.
    if (slices.due(line.text.length * 8)) await slices.next();
  }
  if (signal.aborted) await slices.next();
  return edits.result();
}

/** Characters looked at, all lines together, for rows broken over lines: each start may read far. */
const MOST_READ = 200_000_000;

async function joinRows(document: JsonlDocument, signal: AbortSignal): Promise<TextEdit[]> {
  const slices = new Slices(signal);
  const edits = new LineEdits(document);
  const { lines } = document;
  let read = 0;
  for (let number = 0; number < lines.length && read < MOST_READ; number++) {
    const { record, text } = lines[number]!;
    if (slices.due(KNOWN_LINE)) await slices.next();
    if (record?.kind !== "invalid") continue;
    const joined = joinBrokenRow(lines, number);
    if (!joined) {
      // Rows that are never closed read on to a limit; so many of them are not to take for ever.
      read += 1_000_000 + text.length;
      continue;
    }
    edits.replace(number, joined.count, [joined.text]);
    number += joined.count - 1;
    if (slices.due(joined.text.length * 8)) await slices.next();
  }
  if (signal.aborted) await slices.next();
  return edits.result();
}

async function unwrap(document: JsonlDocument, signal: AbortSignal): Promise<TextEdit[]> {
  const slices = new Slices(signal);
  const work = unwrapArray(document.lines);
  for (let step = work.next(); ; step = work.next()) {
    if (step.done) {
      if (step.value === null) return [];
      const edits = new LineEdits(document);
      // The last row ends as files of rows do.
      edits.replace(0, document.lines.length, [...step.value, ""]);
      return edits.result();
    }
    if (slices.due(step.value)) await slices.next();
  }
}

function unifyLineEnds(document: JsonlDocument): TextEdit[] {
  const { lines } = document;
  const usual = lines[0]?.end || "\n";
  return lines.flatMap((line, number) => {
    if (line.end === usual || line.end === "") return [];
    return [{ range: between(number, width(line), number + 1, 0), newText: usual }];
  });
}
