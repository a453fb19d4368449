/**
 * Rows that answer one prompt differently. Answers that differ in white space or in upper and lower case alone are the
 * same answer; a row without prompt answers nothing.
 */

import type { FileFinding } from "./finding";
import { FingerprintTable } from "./fingerprintTable";
import type { ExactFacts } from "./rowFacts";

export class ConflictingAnswers {
  private readonly prompts: FingerprintTable;
  leftOut = 0;

  constructor(limit: number, expected = 0) {
    this.prompts = new FingerprintTable(limit, expected);
  }

  get bytes(): number {
    return this.prompts.bytes;
  }

  /** Every later row names the first one with its prompt. */
  add(row: number, { prompt, answer, answerCharacters, instructionPath }: ExactFacts): FileFinding | null {
    // An empty answer has a problem of its own.
    if (prompt === null || answerCharacters === 0) return null;
    const first = this.prompts.get(prompt);
    if (first === null) {
      if (!this.prompts.add(prompt, row, answer)) this.leftOut++;
      return null;
    }
    if (first.value === answer) return null;
    return {
      row,
      other: first.row,
      problem: {
        check: "conflicting-answers",
        message: `Row ${first.row} gives another answer to this instruction: keep the right one.`,
        path: instructionPath,
      },
    };
  }
}
