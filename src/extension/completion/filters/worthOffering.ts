/** Suggestions that are not worth a look. Each says why, so that a log can. */

/** Nothing but blanks. */
export function isBlank(text: string): boolean {
  return text.trim() === "";
}

/** A name, number or string right behind a closing bracket: never Python, and mostly what was just taken once more. */
export function isJoined(text: string, linePrefix: string): boolean {
  return /[)\]}]$/.test(linePrefix) && /^[\w"']/.test(text);
}

/** Bytes that are no text, such as a torn character or a control character: never code. */
export function isUnprintable(text: string): boolean {
  return /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufffd\u202a-\u202e\u2066-\u2069]/.test(text);
}

/** One sign, or signs without a word, quotes among them: quicker typed than read. What the editor closes by itself is not waited for. */
export function isOfLowValue(text: string): boolean {
  const trimmed = text.trim();
  return trimmed.length < 2 || /^[)\]}\s,:;.]+$|^[([{\s]+$|^("""|''')$/.test(trimmed);
}
