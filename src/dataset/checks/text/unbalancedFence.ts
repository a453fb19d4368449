import type { TextCheck } from "../textPart";
import { findFences } from "./fences";
import { problemAt } from "./problemAt";

/** A fence that nothing closes: all that follows reads as code. Only the last one of a text can be open. */
export const unbalancedFence: TextCheck = (part) => {
  const last = findFences(part.text).at(-1);
  if (last === undefined || last.closed) return [];
  const what = "opens a code block that is never closed: add the closing fence, or remove this one.";
  return [problemAt(part, "unbalanced-fence", last.openStart, last.openEnd, what)];
};
