import type { TextCheck } from "../textPart";
import { beginToken } from "./doubleBos";
import { problemAt } from "./problemAt";
import { isStruckThrough } from "./struckThrough";

/** More of them in one text say nothing new. */
const maximum = 5;

/**
 * `<|…|>` with ASCII and with fullwidth bars; the names without bars that families of models use; BERT's in capitals.
 */
const token =
  /<\|[A-Za-z0-9_.-]{1,40}\|>|<｜[^\s<>｜]{1,40}｜>|(?<!\w)<s>|<\/s>|<(?:unk|pad|bos|eos|EOT|PRE|SUF|MID|fim[_-](?:prefix|middle|suffix|pad)|(?:start|end)_of_turn|extra_id_\d{1,3})>|\[(?:PAD|CLS|SEP|MASK|UNK|BOS|EOS)\]/g;

/** Special tokens spelt out: the tokenizer takes them for the real ones, or the model learns to write them. */
export const specialToken: TextCheck = (part) => {
  const struckThrough = isStruckThrough(part.text);
  const begin = beginToken(part.text);
  const problems = [];
  for (const match of part.text.matchAll(token)) {
    if (struckThrough && (match[0] === "<s>" || match[0] === "</s>")) continue;
    if (match.index === begin?.start) continue;
    const end = match.index + match[0].length;
    const what = `holds the special token "${match[0]}": remove it, or write it in another way; the template adds such tokens itself.`;
    problems.push(problemAt(part, "special-token", match.index, end, what));
    if (problems.length === maximum) break;
  }
  return problems;
};
