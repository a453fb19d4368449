import type { TextCheck } from "../textPart";
import { problemAt } from "./problemAt";
import { isStruckThrough } from "./struckThrough";

const atStart =
  /^\s*(<\|begin_of_text\|>|<\|startoftext\|>|<\|begin▁of▁sentence\|>|<｜begin▁of▁sentence｜>|<s>|<bos>|\[BOS\])/;

/** The begin token with which the text begins, or null. */
export function beginToken(text: string): { start: number; token: string } | null {
  const match = atStart.exec(text);
  if (match === null) return null;
  const token = match[1]!;
  if (token === "<s>" && isStruckThrough(text)) return null;
  return { start: match[0].length - token.length, token };
}

/** A begin token written into the text: training adds its own, and the model then sees two. */
export const doubleBos: TextCheck = (part) => {
  const found = beginToken(part.text);
  if (found === null) return [];
  const { start, token } = found;
  const what = `begins with the begin token "${token}": remove it; it is added in training, and would stand there twice.`;
  return [problemAt(part, "double-bos", start, start + token.length, what)];
};
