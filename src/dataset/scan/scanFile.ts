/**
 * Checks a data set of any size from the disk, as the language server checks one in an editor. It is read once, in a
 * stream; of what is found a bounded number is kept.
 *
 * One difference: whoever has a file checked says that it is a data set. Where its rows fit no format each of them is an
 * error, as in preparation; an editor, which opens all kinds of files, says so once.
 */

import { open } from "node:fs/promises";
import { resolve } from "node:path";
import type { FormatId } from "../../protocol/run";
import { NO_ROWS } from "../checks/fileLayout";
import { type Finding, locateProblems } from "../checks/finding";
import { RowInspector } from "../checks/inspectRow";
import { Severities } from "../checks/severities";
import { type FileCheckOptions, FileChecks, type LeftOut } from "../duplicates/fileChecks";
import type { FileFinding } from "../duplicates/finding";
import type { HeldOutIndex } from "../duplicates/heldOutLeak";
import { rowFacts } from "../duplicates/rowFacts";
import { AUTOMATIC, type DialectChoice } from "../formats/detect";
import type { Dialect } from "../formats/format";
import { findHeldOutFile, indexHeldOutFile } from "../heldOutFile";
import { LineReader, LineSplitter } from "../lines";
import { DatasetError, type RowProblem } from "../problem";
import { detectFileDialect, type ReadOptions, requireFile } from "../readDataset";
import { KeptFindings, type ScanFinding, type ScanTotals } from "./keptFindings";
import { LinePlaces } from "./linePlaces";
import { Pace } from "./pace";
import { plainFacts } from "./plainFacts";
import { RowScanner, type RowScannerOptions } from "./rowScanner";
import type { ScanObserver } from "./scanObserver";
import { TokenQueue } from "./tokenQueue";
import type { TokenStage } from "./tokenStage";

/** `structure`: syntax, fields and exact duplicates. `auto`: all, and structure alone from LARGE_FILE on. */
export type CheckScope = "all" | "structure";

/** From so many bytes on `auto` leaves the texts unchecked: the checks of texts take minutes for them. */
export const LARGE_FILE = 256 * 1024 * 1024;
/** Bytes from which the number of rows is estimated. */
const SAMPLE = 256 * 1024;

const EMPTY_FILE: Pick<Finding, "check" | "message"> = {
  check: "empty-file",
  message: "The file is empty: write one JSON object a line.",
};

/** Findings that are kept unless told otherwise. */
export const MOST_FINDINGS = 1000;

export interface ScanOptions extends ReadOptions {
  choice?: DialectChoice;
  scope?: CheckScope | "auto";
  severities?: Severities;
  /** Findings that are kept, the most serious ones. */
  most?: number;
  /** The file of held-out rows; absent: the one that lies beside the data set under a usual name, if one does. */
  heldOut?: string | undefined;
  /** The checks of texts; absent: all. */
  inspector?: RowInspector;
  /** Left out where texts are not checked. */
  tokens?: TokenStage | undefined;
  observer?: ScanObserver;
}

export interface Scan {
  path: string;
  /** Null: the rows fit no format. */
  format: FormatId | null;
  bytes: number;
  /** Lines that are not blank. */
  rows: number;
  /** Rows that can be trained on, as far as they were checked. */
  usable: number;
  scope: CheckScope;
  totals: ScanTotals;
  /** Most serious first, then from top to bottom. */
  findings: ScanFinding[];
  /** Rows beyond those that are compared with each other. */
  notCompared: LeftOut;
}

/** Throws where the file cannot be read, and the signal's reason where it is aborted. */
export async function scanFile(path: string, options: ScanOptions = {}): Promise<Scan> {
  const { signal, choice = AUTOMATIC, scope = "auto", severities = new Severities(), most = MOST_FINDINGS } = options;
  const bytes = await requireFile(path);
  const checked = scope === "auto" ? (bytes > LARGE_FILE ? "structure" : "all") : scope;
  const dialect = await detectFileDialect(path, choice, signal);
  const fileChecks = new FileChecks({
    expectedRows: await expectedRows(path, bytes),
    heldOut: await heldOutIndex(path, options, checked),
    ...comparedRows(checked, bytes),
  });
  const inspector = checked === "all" ? (options.inspector ?? (await RowInspector.load())) : null;
  const plan: Plan = { path, bytes, dialect, scope: checked, most, fileChecks, inspector };
  return new Scanning(plan, severities, options).run();
}

/** How many rows are compared, so that 400 MB of memory do for a file of any size. */
function comparedRows(scope: CheckScope, bytes: number): FileCheckOptions {
  if (scope === "structure") return { contentOnly: true, mostNearRows: 0 };
  return bytes > LARGE_FILE ? { mostExactRows: 1_000_000, mostNearRows: 150_000 } : {};
}

/** What is known of a file before its rows are checked. */
interface Plan {
  path: string;
  bytes: number;
  dialect: Dialect | null;
  scope: CheckScope;
  most: number;
  fileChecks: FileChecks;
  /** Null: texts are not looked at. */
  inspector: RowInspector | null;
}

class Scanning {
  private readonly places = new LinePlaces();
  private readonly kept: KeptFindings;
  private readonly scanner: RowScanner;
  private readonly tokens: TokenQueue | null;

  constructor(
    private readonly plan: Plan,
    severities: Severities,
    private readonly options: ScanOptions,
  ) {
    const { dialect, scope, most, fileChecks, inspector } = plan;
    const { tokens, observer } = options;
    this.kept = new KeptFindings(severities, most, observer);
    this.tokens = tokens && dialect && scope === "all" ? new TokenQueue(tokens, dialect) : null;
    this.scanner = new RowScanner({
      dialect,
      kept: this.kept,
      mostBlankLines: most,
      inspector,
      fileChecks,
      sound: dialect && this.followers(dialect),
    });
  }

  private followers(dialect: Dialect): RowScannerOptions["sound"] {
    const { tokens } = this;
    const { observer } = this.options;
    if (!observer) return tokens;
    return {
      add: (line, row) => {
        observer.sound(line, row, dialect);
        tokens?.add(line, row);
      },
    };
  }

  async run(): Promise<Scan> {
    const { scanner, kept, tokens } = this;
    const { path, bytes, dialect, scope, fileChecks } = this.plan;
    await this.scanRows();
    await this.placeLate(scanner.finish());
    if (scanner.rows === 0) this.findNoRows();
    return {
      path,
      format: dialect?.format.id ?? null,
      bytes,
      rows: scanner.rows,
      usable: dialect?.format.untrainable ? 0 : scanner.sound - (tokens?.unusable ?? 0),
      scope,
      totals: kept.totals,
      findings: kept.list(),
      notCompared: fileChecks.leftOut,
    };
  }

  private async scanRows(): Promise<void> {
    const { scanner, tokens, places } = this;
    const { path, bytes } = this.plan;
    const { signal, progress } = this.options;
    const reader = new LineReader(path, { hash: false });
    const pace = new Pace(signal, () => progress?.("Checking rows", Math.min(1, reader.bytes / bytes), path));
    for await (const lines of reader.batches(signal)) {
      places.add(lines[0]!.number, reader.batchStart);
      for (const line of lines) {
        scanner.add(line);
        if (tokens?.isFull) await tokens.flush(scanner);
        if (pace.due(line.text?.length ?? 0)) await pace.turn();
      }
    }
    await tokens?.flush(scanner);
    signal?.throwIfAborted();
  }

  /** Findings in rows that have gone by: as many as can be kept are placed. */
  private async placeLate(findings: Iterable<FileFinding>): Promise<void> {
    const { kept, options } = this;
    const { path, most } = this.plan;
    const byRow = new Map<number, RowProblem[]>();
    for (const { row, problem } of findings) {
      if (!kept.count(row, problem) || byRow.size >= most) continue;
      byRow.set(row, [...(byRow.get(row) ?? []), problem]);
    }
    const numbers = [...byRow.keys()].sort((a, b) => a - b);
    for await (const { number, text } of this.places.read(path, numbers, options.signal)) {
      const located = locateProblems(text ?? "", byRow.get(number)!);
      for (const finding of located) kept.keep(number, finding);
      if (located.length > 0) byRow.delete(number);
    }
    for (const [row, problems] of byRow) {
      for (const problem of problems) kept.keep(row, { ...problem, offset: 0, length: 0 });
    }
  }

  private findNoRows(): void {
    const finding = this.plan.bytes === 0 ? EMPTY_FILE : NO_ROWS;
    if (this.kept.count(1, finding)) this.kept.keep(1, { ...finding, offset: 0, length: 0 });
  }
}

async function heldOutIndex(
  path: string,
  { heldOut, signal }: ScanOptions,
  scope: CheckScope,
): Promise<HeldOutIndex | undefined> {
  const file = heldOut ?? (await findHeldOutFile(path));
  if (file === null) return undefined;
  if (resolve(file) === resolve(path)) {
    throw new DatasetError(`${file} is the data set itself: name another file as the held-out one.`);
  }
  return indexHeldOutFile(file, { signal, facts: scope === "structure" ? plainFacts : rowFacts });
}

/** From the lines that the file's beginning has: room is made for so many. */
async function expectedRows(path: string, bytes: number): Promise<number> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(SAMPLE), 0, SAMPLE, 0);
    const lines = new LineSplitter().push(buffer.subarray(0, bytesRead)).length;
    return bytesRead === 0 ? 0 : Math.ceil((lines / bytesRead) * bytes);
  } finally {
    await file.close();
  }
}
