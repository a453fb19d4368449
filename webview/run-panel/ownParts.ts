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
  const from = wordStart(first, start);
  return texts.map((text) => text.slice(from, text.length - end).trim() || text.trim());
}

function sharedLength(texts: readonly string[], at: (text: string, index: number) => string | undefined): number {
  const [first, ...others] = texts as [string, ...string[]];
  let length = 0;
  while (length < first.length && others.every((text) => at(text, length) === at(first, length))) length++;
  return length;
}

/** Instructions often begin alike: they are shown from the line's beginning on. */
function wordStart(text: string, at: number): number {
  return text.lastIndexOf("\n", at - 1) + 1;
}
