import type { RowPath, RowProblem } from "../problem";

/** One text of a row, as the checks of texts see it. Formats say which texts a row has. */
export interface TextPart {
  path: RowPath;
  /** Decoded: without JSON's escapes. */
  text: string;
  /** `answer`: what is learned. `context`: input, tool results, what stands around a gap. */
  role: "system" | "instruction" | "context" | "answer";
}

/** A check of texts: every problem names the part's path and the range in its text. */
export type TextCheck = (part: TextPart) => RowProblem[];
