const strikeTag = /<\/?s>/g;
const otherTag = /<\/?(?:p|br|div|span|html|body|head|ul|ol|li|a|b|i|u|em|strong|table|tr|td|th|h[1-6]|del|ins)[ />]/;

/**
 * Whether the `<s>` and `</s>` of the text are HTML's, not the tokens of Llama 2 and its kin: in pairs, and each pair
 * on one line or among other tags. A text that one pair encloses whole is a written-out sequence.
 */
export function isStruckThrough(text: string): boolean {
  let open = -1;
  let pairs = 0;
  let withinLines = true;
  for (const match of text.matchAll(strikeTag)) {
    if ((match[0] === "<s>") !== open < 0) return false;
    if (match[0] === "<s>") {
      open = match.index;
      continue;
    }
    if (pairs === 0 && text.slice(0, open).trim() === "" && text.slice(match.index + 4).trim() === "") return false;
    const inside = text.slice(open, match.index);
    if (inside.includes("[INST]")) return false;
    withinLines &&= !inside.includes("\n");
    pairs++;
    open = -1;
  }
  return open < 0 && pairs > 0 && (withinLines || otherTag.test(text));
}
