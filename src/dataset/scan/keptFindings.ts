/** Counts every finding and keeps a bounded number of them: the most serious, of equally serious ones the first. */

import type { Finding } from "../checks/finding";
import { SEVERITIES, type Severities } from "../checks/severities";
import type { CheckId, Severity } from "../checks/table";
import type { ScanObserver } from "./scanObserver";

/** A finding at its place in the file. All are 1-based; columns count UTF-16 code units, `endColumn` is behind the last. */
export interface ScanFinding {
  line: number;
  column: number;
  endColumn: number;
  check: CheckId;
  severity: Severity;
  message: string;
}

export interface ScanTotals extends Record<Severity, number> {
  /** Of the checks that found anything. */
  byCheck: Partial<Record<CheckId, number>>;
}

export class KeptFindings {
  readonly totals: ScanTotals = { error: 0, warning: 0, information: 0, byCheck: {} };
  private readonly kept: Record<Severity, ScanFinding[]> = { error: [], warning: [], information: [] };

  constructor(
    private readonly severities: Severities,
    private readonly most: number,
    private readonly observer: Pick<ScanObserver, "found"> | null = null,
  ) {}

  /**
   * Counts a finding. True where it is to be handed to `keep`; false where the check is off or where enough that are as
   * serious are kept: its place need not be found then.
   */
  count(line: number, { check, message }: Pick<Finding, "check" | "message">): boolean {
    const severity = this.severities.of(check);
    if (severity === null) return false;
    this.observer?.found(line, check, message);
    this.totals[severity]++;
    this.totals.byCheck[check] = (this.totals.byCheck[check] ?? 0) + 1;
    return this.hasRoom(severity);
  }

  /** A byte order mark before the line's text has no column: editors do not show it. */
  keep(line: number, { check, message, offset, length }: Finding): void {
    const severity = this.severities.of(check);
    if (severity === null || !this.hasRoom(severity)) return;
    const column = offset + 1;
    this.kept[severity].push({ line, column, endColumn: column + length, check, severity, message });
  }

  /** Most serious first, then from top to bottom. */
  list(): ScanFinding[] {
    const sorted = SEVERITIES.flatMap((severity) => this.kept[severity].sort(byPlace));
    return sorted.slice(0, this.most);
  }

  private hasRoom(severity: Severity): boolean {
    let before = 0;
    for (const level of SEVERITIES) {
      before += this.kept[level].length;
      if (level === severity) return before < this.most;
    }
    return false;
  }
}

function byPlace(a: ScanFinding, b: ScanFinding): number {
  return a.line - b.line || a.column - b.column || a.endColumn - b.endColumn;
}
