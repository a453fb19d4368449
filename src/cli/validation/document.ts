import type { Severity } from "../../dataset/checks/table";
import type { ScanTotals } from "../../dataset/scan/keptFindings";
import type { CheckScope, Scan } from "../../dataset/scan/scanFile";

/** What `tunesmith validate --format json` prints of one file. Everything is counted from 1. */
export interface ValidationDocument {
  /** As it was named on the command line. */
  file: string;
  /** Null: the rows fit no format. */
  format: string | null;
  /** Lines that are not blank. */
  rows: number;
  totals: ScanTotals & {
    /** Rows that can be trained on, as far as they were checked. */
    usable: number;
    checks: CheckScope;
  };
  /** Most serious first, then by line; a bounded number, `totals` has them all. */
  problems: ValidationProblem[];
}

export interface ValidationProblem {
  /** The line: rows are numbered as an editor shows them. */
  row: number;
  line: number;
  /** In UTF-16 code units; `endColumn` is behind the last one. */
  column: number;
  endColumn: number;
  check: string;
  severity: Severity;
  message: string;
}

export function validationDocument(file: string, scan: Scan): ValidationDocument {
  const { format, rows, totals, usable, scope, findings } = scan;
  return {
    file,
    format,
    rows,
    totals: { ...totals, usable, checks: scope },
    problems: findings.map(({ line, column, endColumn, check, severity, message }) => ({
      row: line,
      line,
      column,
      endColumn,
      check,
      severity,
      message,
    })),
  };
}
