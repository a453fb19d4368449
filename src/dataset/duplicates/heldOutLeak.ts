/** Training rows that also stand in the held-out file: what is measured on it then is memory. */

import type { FileFinding } from "./finding";
import { FingerprintTable } from "./fingerprintTable";
import { percent } from "./nearDuplicates";
import type { ExactFacts, RowFacts } from "./rowFacts";
import { SketchIndex } from "./sketchIndex";

export const LEAK_SIMILARITY = 0.9;
/** A held-out file has far fewer rows; what goes beyond is left out. */
const MOST_ROWS = 300_000;

type Facts = ExactFacts & Partial<Pick<RowFacts, "sketch">>;

/** Filled with the held-out file's rows once, then asked for every training row. */
export class HeldOutIndex {
  private readonly contents: FingerprintTable;
  private readonly prompts: FingerprintTable;
  private readonly near: SketchIndex;
  leftOut = 0;

  constructor(limit = MOST_ROWS) {
    this.contents = new FingerprintTable(limit);
    this.prompts = new FingerprintTable(limit);
    this.near = new SketchIndex({ threshold: LEAK_SIMILARITY, limit });
  }

  get bytes(): number {
    return this.contents.bytes + this.prompts.bytes + this.near.bytes;
  }

  add(row: number, facts: Facts): void {
    const { content, prompt, answer, sketch } = facts;
    if (content === null || this.contents.get(content) !== null) return;
    if (!this.contents.add(content, row)) {
      this.leftOut++;
      return;
    }
    if (prompt !== null && this.prompts.get(prompt) === null) this.prompts.add(prompt, row);
    if (sketch) this.near.add(row, { sketch, answer });
  }

  /** `row`: of the training file. */
  find(row: number, facts: Facts): FileFinding | null {
    const { content, prompt, answer, sketch } = facts;
    const same = content && this.contents.get(content);
    if (same) return leak(row, same.row, facts, `Row ${same.row} of the held-out file is the same as this one`);
    const asked = prompt && this.prompts.get(prompt);
    if (asked) return leak(row, asked.row, facts, `Row ${asked.row} of the held-out file has the same instruction`);
    const near = sketch ? this.near.nearest({ sketch, answer }) : null;
    if (!near) return null;
    const share = `${percent(near.similarity)} % the same as this one`;
    return leak(row, near.row, facts, `Row ${near.row} of the held-out file is ${share}`);
  }
}

function leak(row: number, other: number, { instructionPath }: ExactFacts, what: string): FileFinding {
  return {
    row,
    other,
    problem: { check: "held-out-leak", message: `${what}: remove it from one of the files.`, path: instructionPath },
  };
}
