import type { TextCheck } from "../textPart";
import { problemAt } from "./problemAt";

/** U+FFFD stands where a decoder met bytes that it could not read: what was there is lost. */
export const replacementCharacter: TextCheck = (part) => {
  const start = part.text.indexOf("\ufffd");
  if (start < 0) return [];
  const what = "holds the replacement character U+FFFD, the mark of a lost character: restore it from the source.";
  return [problemAt(part, "replacement-character", start, start + 1, what)];
};
