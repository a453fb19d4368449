/** Rows that are the same but for little. Exact duplicates are none: the caller does not hand them in. */

import type { FileFinding } from "./finding";
import type { RowFacts } from "./rowFacts";
import { closer, type Match, type Sketched, SketchIndex } from "./sketchIndex";

export const NEAR_SIMILARITY = 0.8;

export type NearFacts = Sketched & Pick<RowFacts, "instructionPath">;

export class NearDuplicates {
  private readonly index: SketchIndex;
  leftOut = 0;

  constructor(limit: number, expected = 0, threshold = NEAR_SIMILARITY) {
    this.index = new SketchIndex({ threshold, limit, expected });
  }

  get bytes(): number {
    return this.index.bytes;
  }

  /** A row names the earlier row that is closest to it. */
  add(row: number, facts: NearFacts): FileFinding | null {
    const nearest = this.index.nearest(facts);
    if (!this.index.add(row, facts)) this.leftOut++;
    if (nearest === null) return null;
    return {
      row,
      other: nearest.row,
      problem: {
        check: "near-duplicate",
        message: `This row is ${percent(nearest.similarity)} % the same as row ${nearest.row}: keep the better one.`,
        path: facts.instructionPath,
      },
    };
  }

  /** The rows closest to one, itself left out: closest first. */
  nearest(row: number, facts: Sketched, most: number): Match[] {
    return this.index
      .matches(facts)
      .filter((match) => match.row !== row)
      .sort((a, b) => (closer(a, b) ? -1 : 1))
      .slice(0, most);
  }
}

/** Never 100: the rows are not the same. */
export function percent(similarity: number): number {
  return Math.min(99, Math.floor(similarity * 100));
}
