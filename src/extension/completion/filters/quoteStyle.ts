/** The quote that a document opens its strings with; null: it has no habit. */
export type QuoteStyle = "'" | '"' | null;

/** Of so many strings at least, nine in ten alike make a habit. */
const ENOUGH_STRINGS = 4;

export function quoteStyle({ single, double }: { single: number; double: number }): QuoteStyle {
  const all = single + double;
  if (all < ENOUGH_STRINGS) return null;
  if (single >= 0.9 * all) return "'";
  return double >= 0.9 * all ? '"' : null;
}

/**
 * A suggestion's strings in the document's quotes. Only strings that begin and end in one line of it, and hold neither
 * quote, backslash nor replacement field, are changed: their value stays the same beyond doubt. `text` begins in code.
 */
export function inQuoteStyle(text: string, style: QuoteStyle): string {
  if (style === null || /"""|'''/.test(text)) return text;
  return text
    .split("\n")
    .map((line) => requoted(line, style))
    .join("\n");
}

function requoted(line: string, style: string): string {
  let out = "";
  for (let at = 0; at < line.length; ) {
    const character = line[at]!;
    if (character === "#") return out + line.slice(at);
    if (character !== "'" && character !== '"') {
      out += character;
      at++;
      continue;
    }
    const end = endOfString(line, at);
    // A string that goes on, or the end of one that was open: nothing behind it is certain.
    if (end === -1) return out + line.slice(at);
    const content = line.slice(at + 1, end);
    const isPlain = !/['"\\{}]/.test(content);
    const quote = isPlain ? style : character;
    out += quote + content + quote;
    at = end + 1;
  }
  return out;
}

function endOfString(line: string, start: number): number {
  for (let at = start + 1; at < line.length; at++) {
    if (line[at] === "\\") at++;
    else if (line[at] === line[start]) return at;
  }
  return -1;
}
