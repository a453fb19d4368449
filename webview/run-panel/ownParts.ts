/** Of each text what it does not share with all others at its beginning and its end: a prompt without the template's words. */
export function ownParts(texts: readonly string[]): string[] {
  if (texts.length < 2) return [...texts];
  const start = sharedLength(texts, (text, at) => text[at]);
  const shortest = Math.min(...texts.map(({ length }) => length)) - start;
  const end = Math.min(
    shortest,
    sharedLength(texts, (text, at) => text[text.length - 1 - at]),
  );
  const [first] = texts as [string, ...string[]];
  const from = lineStart(first, start);
  const left = lineEnd(first, end);
  return texts.map((text) => text.slice(from, text.length - left).trim() || text.trim());
}

function sharedLength(texts: readonly string[], at: (text: string, index: number) => string | undefined): number {
  const [first, ...others] = texts as [string, ...string[]];
  let length = 0;
  while (length < first.length && others.every((text) => at(text, length) === at(first, length))) length++;
  return length;
}

/** Instructions often begin and end alike: whole lines are left out alone. */
function lineStart(text: string, at: number): number {
  return text.lastIndexOf("\n", at - 1) + 1;
}

function lineEnd(text: string, shared: number): number {
  const line = text.indexOf("\n", text.length - shared);
  return shared === 0 || line < 0 ? 0 : text.length - line;
}
