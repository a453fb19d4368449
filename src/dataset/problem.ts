/** What can be wrong with a row. The language server underlines it; preparation skips the row and reports it. */

import type { CheckId } from "./checks/table";

/** Keys and indices from the row's root; [] is the row itself. */
export type RowPath = readonly (string | number)[];

/** A stretch of a decoded text, in UTF-16 code units. */
export interface TextRange {
  start: number;
  end: number;
}

export interface RowProblem {
  check: CheckId;
  /** One sentence: the field, what was expected, what to do. It names neither file nor row. */
  message: string;
  /** The value to underline. For a missing field: the object that lacks it. */
  path: RowPath;
  /** The part of the text at `path` to underline; the whole value where there is none. */
  range?: TextRange;
  /** The key that the object at `path` lacks. */
  missing?: string;
  /** Underline the key that the value at `path` stands under, not the value. */
  atKey?: true;
}

/** A failure that ends the work. The message is one sentence for the user. */
export class DatasetError extends Error {
  override name = "DatasetError";
}

export function overLength(
  tokens: number,
  sequenceLength: number,
  precision: "exactly" | "at least" = "exactly",
): RowProblem {
  const count = `${precision === "at least" ? "at least " : ""}${tokens.toLocaleString("en")}`;
  return {
    check: "over-length",
    message: `The row has ${count} tokens, more than the sequence length of ${sequenceLength.toLocaleString("en")}: shorten it or raise the sequence length.`,
    path: [],
  };
}
