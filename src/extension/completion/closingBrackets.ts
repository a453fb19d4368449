import { scanPython } from "./pythonScan";

const pairs: Record<string, string> = { "(": ")", "[": "]", "{": "}" };
const closers = new Set([...Object.values(pairs), '"', "'"]);

/**
 * How many characters behind the cursor the completion replaces. Typing "(" makes the editor add ")" behind the cursor;
 * a completion that closes it itself must cover the editor's one, or it would stand there twice. Only closers that the
 * completion's first line really closes are taken, in their order, and only where nothing but closers follows.
 */
export function coveredClosers(completion: string, afterCursor: string): number {
  const run = /^[)\]}"']+/.exec(afterCursor)?.[0] ?? "";
  if (
    run === "" ||
    afterCursor
      .slice(run.length)
      .trim()
      .replace(/^[:,]$/, "") !== ""
  )
    return 0;
  const unopened = unopenedClosers(completion);
  let covered = 0;
  for (const closer of unopened) {
    if (covered >= run.length || run[covered] !== closer) break;
    covered++;
  }
  return covered;
}

/** The closers in `text` whose openers stand before it, in their order; brackets inside strings do not count. */
function unopenedClosers(text: string): string[] {
  const found: string[] = [];
  const open: string[] = [];
  let quote = "";
  for (let index = 0; index < text.length; index++) {
    const character = text[index]!;
    if (quote !== "") {
      if (character === "\\") index++;
      else if (character === quote) quote = "";
      else if (character === "\n") quote = "";
    } else if (pairs[character] !== undefined) {
      open.push(pairs[character]);
    } else if (closers.has(character) && character !== '"' && character !== "'") {
      if (open.at(-1) === character) open.pop();
      else if (open.length === 0) found.push(character);
      else return found;
    } else if (character === '"' || character === "'") {
      // A quote either opens a string of the completion's own or closes the one before the cursor.
      if (!closesLater(text, index)) found.push(character);
      else quote = character;
    }
  }
  return found;
}

function closesLater(text: string, index: number): boolean {
  const end = text.indexOf("\n", index);
  const line = text.slice(index + 1, end === -1 ? undefined : end);
  return line.includes(text[index]!);
}

/**
 * `text` up to the first closer that would close nothing: one that no bracket before the cursor waits for, or that what
 * follows the cursor closes already. `covered` of those that follow are replaced by the text.
 */
export function withoutSurplusClosers(
  text: string,
  awaited: readonly string[],
  following: readonly string[],
  covered: number,
): string {
  const mayClose = awaited.length - Math.max(0, following.length - covered);
  const surplus = scanPython(text).unopened.find(
    ({ closer }, index) => index >= mayClose || closer !== awaited.at(-1 - index),
  );
  return surplus === undefined ? text : text.slice(0, surplus.at).trimEnd();
}

/** `text` up to the first bracket that it leaves open, for what follows it in its line would then close that one. */
export function withoutTornBracket(text: string): string {
  const [torn] = scanPython(text).openers;
  return torn === undefined ? text : text.slice(0, torn).trimEnd();
}
