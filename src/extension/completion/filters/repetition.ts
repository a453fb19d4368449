/** A line that ends by saying the same again and again: a small model that has lost its way. */
const AGAIN = [/(.{8,}?)\1{2,}.{0,8}$/, /(.{2,7}?)\1{5,}.{0,7}$/, /(.)\1{11,}$/];
/** Longer lines are judged by their end. */
const JUDGED_CHARACTERS = 400;

/** `text` up to the line that ends in repetitions; "" where that is its first. */
export function withoutRepetition(text: string): string {
  const lines = text.split("\n");
  const lost = lines.findIndex((line) => endsInRepetition(line.trimEnd().slice(-JUDGED_CHARACTERS)));
  return lost === -1 ? text : lines.slice(0, lost).join("\n").trimEnd();
}

function endsInRepetition(line: string): boolean {
  // Of signs without a word, rulers are made.
  return AGAIN.some((pattern) => /\w/.test(pattern.exec(line)?.[1] ?? ""));
}
