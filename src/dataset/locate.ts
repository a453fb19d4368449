import { parseJson, rangeAt } from "./json";
import type { RowProblem } from "./problem";

/** The 1-based column, in UTF-16 units, where a problem's value begins in its line. */
export function problemColumn(text: string | null, { reason, path }: Pick<RowProblem, "reason" | "path">): number {
  if (text === null) return 1;
  const result = parseJson(text);
  if (!result.ok) return result.error.offset + 1;
  if (reason === "invalid-json") return 1;
  return rangeAt(result, path).offset + 1;
}
