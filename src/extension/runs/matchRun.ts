/** Whether every word of `search` is found in one of the texts, whatever their case and accents. */
export function matchesSearch(search: string, texts: readonly string[]): boolean {
  const words = plain(search)
    .split(/\s+/)
    .filter((word) => word !== "");
  const inside = texts.map(plain);
  return words.every((word) => inside.some((text) => text.includes(word)));
}

function plain(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{Mn}+/gu, "")
    .toLowerCase();
}
