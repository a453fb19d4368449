/** Rows with the same texts in the same roles: whatever their keys, their other fields and their white space. */

import type { FileFinding } from "./finding";
import { FingerprintTable } from "./fingerprintTable";
import type { ExactFacts } from "./rowFacts";

export class ExactDuplicates {
  private readonly rows: FingerprintTable;
  /** Rows that found no room: they were compared with the rows in the table, and none is compared with them. */
  leftOut = 0;

  constructor(limit: number, expected = 0) {
    this.rows = new FingerprintTable(limit, expected);
  }

  get bytes(): number {
    return this.rows.bytes;
  }

  /** Every later row of a group names the group's first. */
  add(row: number, { content, instructionPath }: ExactFacts): FileFinding | null {
    if (content === null) return null;
    const first = this.rows.get(content);
    if (first === null) {
      if (!this.rows.add(content, row)) this.leftOut++;
      return null;
    }
    return {
      row,
      other: first.row,
      problem: {
        check: "duplicate-row",
        message: `This row is the same as row ${first.row}: remove one of them.`,
        path: instructionPath,
      },
    };
  }
}
