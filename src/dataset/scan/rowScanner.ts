/** The checks of a file's lines, one after the other: the same that the language server makes, in a bounded memory. */

import { checkRow, notYetNamed } from "../checkRow";
import { type Finding, locateProblems } from "../checks/finding";
import type { RowInspector } from "../checks/inspectRow";
import { isBlankLine, parseRow } from "../checks/parseRow";
import type { FileCheckFacts, FileChecks } from "../duplicates/fileChecks";
import type { FileFinding } from "../duplicates/finding";
import { isObject } from "../formats/detect";
import type { Dialect, JsonObject } from "../formats/format";
import type { Line } from "../lines";
import type { RowProblem } from "../problem";
import { arrayMessage, INVALID_UTF8, isOpenArray, LINE_TOO_LONG } from "../rows";
import type { KeptFindings } from "./keptFindings";
import { LineLayout } from "./lineLayout";
import { plainFacts } from "./plainFacts";
import { UsualKeys } from "./usualKeys";

/** A line whose text is at hand. */
export type ScannedLine = Line & { text: string };

export interface RowScannerOptions {
  dialect: Dialect | null;
  kept: KeptFindings;
  /** Of a run of blank lines so many are told. */
  mostBlankLines: number;
  /** Null: texts are not looked at. */
  inspector: RowInspector | null;
  fileChecks: FileChecks;
  /** Takes the rows whose structure is sound. */
  sound: { add(line: ScannedLine, row: JsonObject): void } | null;
}

export class RowScanner {
  /** Lines that are not blank. */
  rows = 0;
  /** Rows without a problem of their structure: those that training would take. */
  sound = 0;
  private isArray = false;
  /** The first row where it may be the beginning of an array over many lines: another row tells. */
  private opening: { line: ScannedLine; syntax: readonly Finding[] } | null = null;
  private hasValue = false;
  private readonly layout: LineLayout;
  private readonly usualKeys: UsualKeys | null;

  constructor(private readonly options: RowScannerOptions) {
    this.layout = new LineLayout(options.mostBlankLines);
    this.usualKeys = options.dialect === null ? null : new UsualKeys(options.dialect);
  }

  add(line: Line): void {
    if (this.isArray && hasText(line) && !mayBeObject(line.text)) {
      if (!isBlankLine(line.text)) this.rows++;
      return;
    }
    const parsed = hasText(line) ? parseRow(line.text) : null;
    for (const finding of this.layout.add(line, parsed?.kind === "blank")) this.find(finding.line, finding);
    if (parsed?.kind === "blank") return;
    this.rows++;
    // A whole value on the next line belongs to no array: that has a comma behind it.
    if (this.opening !== null) this.settleOpening(parsed?.kind === "invalid");
    if (!hasText(line) || parsed === null) {
      this.find(line.number, { ...LINE_TOO_LONG, offset: 0, length: 0 });
      return;
    }
    if (line.invalidAt !== null) this.find(line.number, { ...INVALID_UTF8, offset: line.invalidAt, length: 1 });
    if (parsed.kind === "invalid") this.addInvalid(line, parsed.syntax);
    else this.addValue(line, parsed.value, parsed.syntax);
  }

  /** What shows only when all rows are known: the row's own line is to be read again for its place. */
  finish(): Iterable<FileFinding> {
    if (this.opening !== null) this.settleOpening(false);
    return this.options.fileChecks.finish();
  }

  /** Reports problems of a row at their places in its line. */
  report(line: ScannedLine, problems: readonly RowProblem[]): void {
    if (problems.length === 0) return;
    const { kept } = this.options;
    const shown = problems.filter((problem) => kept.count(line.number, problem));
    for (const finding of locateProblems(line.text, shown)) kept.keep(line.number, finding);
  }

  private find(line: number, finding: Finding): void {
    if (this.options.kept.count(line, finding)) this.options.kept.keep(line, finding);
  }

  private addInvalid(line: ScannedLine, syntax: readonly Finding[]): void {
    if (this.rows === 1 && isOpenArray(line.text)) this.opening = { line, syntax };
    else if (!this.isArray) for (const finding of syntax) this.find(line.number, finding);
  }

  /** A JSON array over many lines has one finding, not one on each of its lines. */
  private settleOpening(isArray: boolean): void {
    const { line, syntax } = this.opening!;
    this.opening = null;
    this.isArray = isArray;
    const offset = line.text.indexOf("[");
    const array: Finding = { check: "json-syntax", message: arrayMessage("This file"), offset, length: 1 };
    for (const finding of isArray ? [array] : syntax) this.find(line.number, finding);
  }

  private addValue(line: ScannedLine, value: unknown, syntax: readonly Finding[]): void {
    for (const finding of syntax) this.find(line.number, finding);
    if (this.isArray && !isObject(value)) return;
    const { dialect } = this.options;
    if (!this.hasValue) this.addFirst(line, dialect);
    const problems = checkRow(value, dialect);
    if (problems.length > 0) this.report(line, problems);
    if (dialect === null || !isObject(value)) return;
    this.report(line, notYetNamed(this.usualKeys!.unknownFields(value), problems));
    // What U+FFFD was put in for is not known: nothing more is said of such a row, and it is not trained on.
    if (problems.length === 0 && line.invalidAt === null) this.addSound(line, value, dialect);
  }

  private addFirst(line: ScannedLine, dialect: Dialect | null): void {
    this.hasValue = true;
    const untrainable = dialect?.format.untrainable;
    if (untrainable) this.report(line, [{ check: "preference-data", message: untrainable, path: [] }]);
  }

  private addSound(line: ScannedLine, row: JsonObject, dialect: Dialect): void {
    this.sound++;
    const { inspector, fileChecks } = this.options;
    let facts: FileCheckFacts;
    if (inspector === null) facts = plainFacts(dialect.format.texts(row, dialect.layout));
    else {
      const inspected = inspector.inspect(row, dialect);
      this.report(line, inspected.problems);
      facts = inspected.facts;
    }
    const beside = fileChecks.add(line.number, facts);
    if (beside.length > 0)
      this.report(
        line,
        beside.map(({ problem }) => problem),
      );
    this.options.sound?.add(line, row);
  }
}

/** The lines of an array are millions, and few of them hold a whole row: it takes no parser to see that. */
function mayBeObject(text: string): boolean {
  return /^[ \t]*\{/.test(text) && text.trimEnd().endsWith("}");
}

function hasText(line: Line): line is ScannedLine {
  return line.text !== null;
}
