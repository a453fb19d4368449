/** Where a completion ends. Pure: the same text and surroundings give the same cut. */

export type CodeStop = "end-token" | "dedent" | "line" | "repeat" | "length" | "suffix";

export interface Surroundings {
  multiline: boolean;
  /** The cursor's line up to the cursor. */
  lineStart: string;
  /** The cursor's line from the cursor on. */
  lineEnd: string;
  /** The last line above the cursor's that is not blank; "" where there is none. */
  lineAbove: string;
  /** The first line below the cursor's that is not blank; "" where there is none. */
  lineBelow: string;
}

export interface Cut {
  text: string;
  /** Null: generation goes on. */
  stop: CodeStop | null;
}

export function surroundings(prefix: string, suffix: string, multiline: boolean): Surroundings {
  const above = prefix.split(/\r\n|\r|\n/);
  const below = suffix.split(/\r\n|\r|\n/);
  const lineStart = above.pop()!;
  const lineEnd = below.shift()!;
  return {
    // Text after the cursor on its own line would be torn from it by a line break.
    multiline: multiline && !hasWord(lineEnd),
    lineStart,
    lineEnd,
    lineAbove: above.findLast((line) => line.trim() !== "")?.trimEnd() ?? "",
    lineBelow: below.find((line) => line.trim() !== "")?.trimEnd() ?? "",
  };
}

/**
 * Judges the text generated so far. `ended` says that no more will come and why; without it the last line may still
 * grow, and only what is certain already ends the completion.
 */
export function judge(generated: string, around: Surroundings, ended: "end-token" | "length" | null): Cut {
  const text = trimPartialCharacter(generated);
  if (!around.multiline) return judgeLine(text, around, ended);
  const lines = text.split("\n");
  const cut = firstUnwanted(lines, around, ended !== null);
  if (cut) {
    const kept = lines.slice(0, cut.line);
    // What follows the cursor may be the block that the last line opens.
    return { text: join(cut.stop === "suffix" ? kept : withoutOpenBlock(kept)), stop: cut.stop };
  }
  if (ended === null) return { text, stop: null };
  // Cut off in the middle of a line, the whole lines before it are worth more than the torn one.
  const whole = ended === "length" && lines.length > 1 ? withoutOpenBlock(lines.slice(0, -1)) : lines;
  return { text: join(whole), stop: ended };
}

/** Without headers at the end whose block was cut off: code that ends with one does not parse. The first line stays. */
function withoutOpenBlock(lines: readonly string[]): string[] {
  const last = lines.findLastIndex((line) => line.trim() !== "" && !OPENS_BLOCK.test(line));
  const isOpen = lines.slice(last + 1).some((line) => line.trim() !== "");
  return isOpen ? lines.slice(0, Math.max(last, 0) + 1) : [...lines];
}

const OPENS_BLOCK =
  /^\s*(?:(?:async\s+)?(?:def|for|with)|class|if|elif|else|while|try|except|finally|match|case)\b.*:\s*(?:#.*)?$/;

function judgeLine(text: string, around: Surroundings, ended: CodeStop | null): Cut {
  const newline = text.indexOf("\n");
  const line = (newline === -1 ? text : text.slice(0, newline)).trimEnd();
  const stop = newline === -1 ? ended : "line";
  if (stop === null) return { text, stop };
  const rest = around.lineEnd.trim();
  // Brackets alone are the editor's business: it knows which of them it has inserted itself.
  if (hasWord(rest) && line.endsWith(rest)) return { text: line.slice(0, -rest.length), stop: "suffix" };
  return { text: line, stop };
}

/** The first generated line that must not be offered. The line of the cursor itself always may. */
function firstUnwanted(lines: string[], around: Surroundings, ended: boolean): { line: number; stop: CodeStop } | null {
  const floor = new Floor(around.lineStart, lines[0]!);
  const seen: string[] = around.lineAbove === "" ? [] : [around.lineAbove];
  const first = (around.lineStart + lines[0]!).trimEnd();
  if (first !== "" && (lines.length > 1 || ended)) {
    // The cursor's own line written once more: nothing new.
    if (around.lineStart.trim() === "" && repeats(first, seen)) return { line: 0, stop: "repeat" };
    if (around.lineStart.trim() === "" && isSame(first, around.lineBelow)) return { line: 0, stop: "suffix" };
    seen.push(first);
  }
  for (let i = 1; i < lines.length; ++i) {
    const line = lines[i]!.trimEnd();
    if (line === "") continue;
    if (floor.isBelow(line)) return { line: i, stop: "dedent" };
    const complete = i + 1 < lines.length || ended;
    if (!complete) continue;
    if (isSame(line, around.lineBelow)) return { line: i, stop: "suffix" };
    if (repeats(line, seen)) return { line: i, stop: "repeat" };
    seen.push(line);
  }
  return null;
}

/** The indentation below which the block that is being written has ended. */
class Floor {
  private columns: number;
  /** Set until the first line of the block has been seen: it says how deep the block is. */
  private awaitsFirstLine: boolean;
  /** What that line is indented by at least. */
  private readonly least: number;

  constructor(lineStart: string, firstLine: string) {
    const line = lineStart + firstLine;
    const blank = line.trim() === "";
    // On a line of its own a header belongs to the block; a header around the cursor is to be given its body.
    const isHeader = lineStart.trim() !== "" && /:\s*(#.*)?$/.test(line);
    this.columns = indentation(blank ? lineStart : line);
    this.awaitsFirstLine = blank || isHeader;
    this.least = isHeader ? this.columns + 1 : this.columns;
  }

  isBelow(line: string): boolean {
    const columns = indentation(line);
    if (!this.awaitsFirstLine) return columns < this.columns;
    this.awaitsFirstLine = false;
    if (columns < this.least) return true;
    this.columns = columns;
    return false;
  }
}

/** A line again right after itself, two lines in turn, or a longer one for the third time. */
function repeats(line: string, seen: readonly string[]): boolean {
  if (!hasWord(line)) return false;
  const [last, second, third] = [seen.at(-1), seen.at(-2), seen.at(-3)];
  if (line === last) return true;
  if (line === second && last === third) return true;
  return line.trim().length >= 12 && seen.filter((other) => other === line).length >= 2;
}

function isSame(line: string, below: string): boolean {
  return hasWord(below) && line === below;
}

function hasWord(text: string): boolean {
  return /\w/.test(text);
}

/** As Python counts: a tab goes on to the next multiple of eight. */
export function indentation(line: string): number {
  let columns = 0;
  for (const character of line) {
    if (character === " ") columns += 1;
    else if (character === "\t") columns += 8 - (columns % 8);
    else break;
  }
  return columns;
}

/** A byte-level token may end inside a character; decoders show the torn bytes as U+FFFD. */
export function trimPartialCharacter(text: string): string {
  return text.replace(/\ufffd+$/, "");
}

function join(lines: string[]): string {
  return lines.join("\n").trimEnd();
}
