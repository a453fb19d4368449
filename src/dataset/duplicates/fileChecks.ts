/** THE checks of rows beside each other: the language server and the scan from disk both call this and nothing else. */

import { OutlierLengths } from "../statistics/outlierLengths";
import { TaskBalance } from "../statistics/taskBalance";
import { ConflictingAnswers } from "./conflictingAnswers";
import { ExactDuplicates } from "./exactDuplicates";
import type { FileFinding } from "./finding";
import type { HeldOutIndex } from "./heldOutLeak";
import { NearDuplicates, type NearFacts } from "./nearDuplicates";
import type { ExactFacts, RowFacts } from "./rowFacts";
import type { Match } from "./sketchIndex";

export interface FileCheckOptions {
  /** Rows that are expected: room is made beforehand, so that no single `add` takes long. */
  expectedRows?: number;
  /** Rows that exact duplicates and conflicts are sought among: some 45 bytes each. */
  mostExactRows?: number;
  /** Rows that near-duplicates are sought among: some 270 bytes each. */
  mostNearRows?: number;
  /** Exact duplicates and held-out rows alone: what large files are asked for. */
  contentOnly?: boolean;
  /** Similarity from which on rows are near-duplicates: 0 to 1. */
  nearSimilarity?: number;
  /** The rows of the held-out file, where there is one. */
  heldOut?: HeldOutIndex;
}

/** 3,000,000 rows fill the tables' last doubling. */
export const MOST_EXACT_ROWS = 3_000_000;
export const MOST_NEAR_ROWS = 300_000;

/** Facts without a sketch and a task are compared exactly only. */
export type FileCheckFacts = ExactFacts & Partial<Pick<RowFacts, "sketch" | "task">>;

export interface LeftOut {
  /** Rows beyond `mostExactRows`: compared with the rows before that limit, not with each other. */
  exact: number;
  /** The same for `mostNearRows`. */
  near: number;
}

export class FileChecks {
  private readonly contentOnly: boolean;
  private readonly exact: ExactDuplicates;
  private readonly conflicts: ConflictingAnswers;
  private readonly near: NearDuplicates;
  private readonly lengths: OutlierLengths;
  private readonly tasks = new TaskBalance();
  private readonly heldOut: HeldOutIndex | undefined;

  constructor(options: FileCheckOptions = {}) {
    const { expectedRows = 0, mostExactRows = MOST_EXACT_ROWS, mostNearRows = MOST_NEAR_ROWS } = options;
    this.contentOnly = options.contentOnly ?? false;
    const others = this.contentOnly ? 0 : expectedRows;
    this.exact = new ExactDuplicates(mostExactRows, expectedRows);
    this.conflicts = new ConflictingAnswers(mostExactRows, others);
    this.near = new NearDuplicates(mostNearRows, others, options.nearSimilarity);
    this.lengths = new OutlierLengths(mostExactRows);
    this.heldOut = options.heldOut;
  }

  get leftOut(): LeftOut {
    return { exact: this.exact.leftOut, near: this.near.leftOut };
  }

  /** What the tables take, all told. */
  get bytes(): number {
    return this.exact.bytes + this.conflicts.bytes + this.near.bytes + this.lengths.bytes;
  }

  /**
   * Takes the file's rows in their order, and says what is wrong with this one beside those before it. `row`: its
   * number as messages are to show it.
   */
  add(row: number, facts: FileCheckFacts): FileFinding[] {
    const findings: FileFinding[] = [];
    const leak = this.heldOut?.find(row, facts);
    if (leak) findings.push(leak);
    if (this.contentOnly) {
      const same = this.exact.add(row, facts);
      if (same) findings.push(same);
      return findings;
    }
    this.lengths.add(row, facts);
    if (facts.task !== undefined) this.tasks.add(row, facts.task, facts.instructionPath);
    const same = this.exact.add(row, facts);
    if (same) {
      findings.push(same);
      return findings;
    }
    const conflict = this.conflicts.add(row, facts);
    if (conflict) findings.push(conflict);
    const near = hasSketch(facts) ? this.near.add(row, facts) : null;
    // The conflict says more of the same two rows.
    if (near && near.other !== conflict?.other) findings.push(near);
    return findings;
  }

  /** What shows only when all rows are known. To be called once. */
  *finish(): Generator<FileFinding, void> {
    yield* this.lengths.findings();
    const imbalance = this.tasks.finding();
    if (imbalance) yield imbalance;
  }

  /** For the hover: the rows closest to one that was added, closest first. */
  nearest(row: number, facts: FileCheckFacts, most = 3): Match[] {
    return hasSketch(facts) ? this.near.nearest(row, facts, most) : [];
  }
}

function hasSketch(facts: FileCheckFacts): facts is FileCheckFacts & NearFacts {
  return facts.sketch !== undefined && facts.sketch !== null;
}

/** Called between two rows; what it returns is waited for: `slices.due(…) ? slices.next() : undefined`. */
export type YieldIfDue = () => Promise<void> | undefined;

/** All findings of a file whose facts are at hand, by row. Ends when `yieldIfDue` throws. */
export async function fileFindings(
  rows: Iterable<readonly [row: number, facts: FileCheckFacts]>,
  checks: FileChecks,
  yieldIfDue: YieldIfDue,
): Promise<Map<number, FileFinding[]>> {
  const byRow = new Map<number, FileFinding[]>();
  const keep = (finding: FileFinding) => {
    const known = byRow.get(finding.row);
    if (known) known.push(finding);
    else byRow.set(finding.row, [finding]);
  };
  for (const [row, facts] of rows) {
    const due = yieldIfDue();
    if (due) await due;
    for (const finding of checks.add(row, facts)) keep(finding);
  }
  for (const finding of checks.finish()) {
    const due = yieldIfDue();
    if (due) await due;
    keep(finding);
  }
  return byRow;
}
