/** Lines of code without what stands in their strings and comments, as far as one can tell from code that is broken. */

export interface BareLine {
  /** The line, each string as its quotes alone, without its comment. */
  bare: string;
  /** It begins or lies within a string of three quotes. */
  inLongString: boolean;
}

/** More lines say nothing new about the language. */
const maximumLines = 600;
/** Nor does the rest of a line. */
const longestLine = 300;

const letter = /[A-Za-z0-9_]/;
/** `r"…"`, `rb'…'`: the letters before a quote that belong to the string. */
const stringPrefix = /(?:^|[^A-Za-z0-9_])(?:[rbfu]|[rf]b|b[rf]|[rt]f|f[rt])$/i;

export function bareLines(lines: readonly string[]): BareLine[] {
  const result: BareLine[] = [];
  let open: string | null = null;
  for (const whole of lines.slice(0, maximumLines)) {
    const wasOpen: boolean = open !== null;
    const line = whole.slice(0, longestLine);
    let bare = "";
    let index = 0;
    while (index < line.length) {
      if (open !== null) {
        const end: number = line.indexOf(open, index);
        index = end < 0 ? line.length : end + 3;
        if (end >= 0) {
          bare += open;
          open = null;
        }
        continue;
      }
      const character = line[index]!;
      if (character === "#") break;
      if ((character !== '"' && character !== "'") || isApostrophe(line, index)) {
        bare += character;
        index++;
      } else if (line.startsWith(character.repeat(3), index)) {
        open = character.repeat(3);
        bare += open;
        index += 3;
      } else {
        bare += character + character;
        index = stringEnd(line, index + 1, character);
      }
    }
    result.push({ bare, inLongString: wasOpen || open !== null });
  }
  return result;
}

/** `don't`: no quote. */
function isApostrophe(line: string, index: number): boolean {
  if (line[index] !== "'" || index === 0 || index + 1 === line.length) return false;
  if (!letter.test(line[index - 1]!) || !letter.test(line[index + 1]!)) return false;
  return !stringPrefix.test(line.slice(Math.max(0, index - 3), index));
}

/** Where the string that ends with `quote` ends; the line's end where nothing closes it. */
function stringEnd(line: string, from: number, quote: string): number {
  for (let index = from; index < line.length; index++) {
    if (line[index] === "\\") index++;
    else if (line[index] === quote) return index + 1;
  }
  return line.length;
}
