/** The same text, but for white space around it and how its lines end. */
export function isExactMatch(answer: string, expected: string): boolean {
  return tidy(answer) === tidy(expected);
}

function tidy(text: string): string {
  return text.replaceAll("\r\n", "\n").trim();
}
