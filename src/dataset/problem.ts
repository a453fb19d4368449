/** What can be wrong with a row. The language server underlines it; preparation skips the row and reports it. */

export type ProblemReason =
  | "invalid-json"
  | "not-an-object"
  | "unknown-format"
  | "missing-field"
  | "wrong-type"
  | "empty-answer"
  | "empty-instruction"
  | "invalid-text"
  | "roles-order"
  | "no-assistant-turn"
  | "duplicate-key"
  | "special-token"
  | "over-length";

/** Keys and indices from the row's root; [] is the row itself. */
export type RowPath = readonly (string | number)[];

export interface RowProblem {
  reason: ProblemReason;
  /** One sentence: the field, what was expected, what to do. It names neither file nor row. */
  message: string;
  /** The value to underline. For a missing field: the object that lacks it. */
  path: RowPath;
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
    reason: "over-length",
    message: `The row has ${count} tokens, more than the sequence length of ${sequenceLength.toLocaleString("en")}: shorten it or raise the sequence length.`,
    path: [],
  };
}
