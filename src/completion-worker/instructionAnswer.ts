/** Brings the answer to an instruction to the place that asked for it. Pure. */

import { type Cut, judge, type Surroundings, surroundings } from "./postprocess";

const LONGEST_DOCSTRING = 100;

/** Where the code that was asked for goes. */
export interface AnswerPlace {
  /** What stands before its first line: a line break where the cursor is at the end of the comment that asked. */
  lead: string;
  /** Of the code. */
  indentation: string;
  /** The answer is to be a body alone: the function's header stands above it, or it goes into a function. */
  bodyAlone: boolean;
  around: Surroundings;
}

/** `prefix` ends behind the comment or docstring, or on a blank line below it. */
export function answerPlace(prefix: string, suffix: string, instruction: string): AnswerPlace {
  const lines = prefix.split(/\r\n|\r|\n/);
  const line = lines.pop()!;
  const at = line.trim() === "" ? lines.findLastIndex((above) => above.trim() !== "") : lines.length;
  const asking = at === lines.length ? line : (lines[at] ?? "");
  const opening = openingOf(asking, lines.slice(Math.max(0, at - LONGEST_DOCSTRING), Math.max(0, at)));
  const indentation = /^[ \t]*/.exec(opening)![0];
  const lead =
    line.trim() !== "" ? `\n${indentation}` : indentation.startsWith(line) ? indentation.slice(line.length) : "";
  const isComment = asking.trimStart().startsWith("#");
  const bodyAlone =
    !isComment || (isInFunction(lines, indentation.length) && !/\b(function|method|class|def)\b/i.test(instruction));
  // The code stands on lines of its own, whatever line the cursor is on.
  return { lead, indentation, bodyAlone, around: { ...surroundings(prefix, suffix, true), lineStart: indentation } };
}

/** The line that opens the docstring which `asking` ends: the lines between may be indented as they like. */
function openingOf(asking: string, above: readonly string[]): string {
  const quotes = /("""|''')\s*$/.exec(asking)?.[1];
  if (quotes === undefined || /^\s*[rRuU]?("""|''')./.test(asking)) return asking;
  return above.findLast((line) => new RegExp(`^\\s*[rRuU]?${quotes}`).test(line)) ?? asking;
}

/** Whether the nearest line that is indented less is, or lies in, a function. */
function isInFunction(lines: readonly string[], indentation: number): boolean {
  let least = indentation;
  for (let i = lines.length - 1; i >= 0 && least > 0; --i) {
    const text = lines[i]!.trimStart();
    const columns = lines[i]!.length - text.length;
    if (text === "" || columns >= least) continue;
    least = columns;
    if (/^(async\s+)?def\s/.test(text)) return true;
    if (/^class\s/.test(text)) return false;
  }
  return false;
}

/** The answer so far at its place, up to where it is to end. */
export function shapeAnswer(answer: string, place: AnswerPlace, ended: "end-token" | "length" | null): Cut {
  const code = codeOf(answer, ended !== null);
  const body = code === null || !place.bodyAlone ? code : bodyOf(code, ended !== null);
  if (body === null) return { text: "", stop: ended };
  const placed = indented(body, place.indentation);
  const cut = judge(placed, place.around, ended);
  return { text: cut.text.trim() === "" ? "" : place.lead + cut.text, stop: cut.stop };
}

/** Without what surrounds code in an answer: a fence, blank lines. Null: too early to tell. */
function codeOf(answer: string, ended: boolean): string | null {
  const fence = /(?:^|\n)[ \t]*```[^\n`]*\n/.exec(answer);
  if (fence !== null) {
    const inside = answer.slice(fence.index + fence[0].length);
    const end = /(?:^|\n)[ \t]*```/.exec(inside);
    return trimBlankStart(end === null ? inside : inside.slice(0, end.index));
  }
  const code = trimBlankStart(answer);
  // The next characters may make a fence of it.
  if (!ended && (code === "" || "```".startsWith(code.trim().slice(0, 3)))) return null;
  return code;
}

function trimBlankStart(text: string): string {
  return text.replace(/^(?:[ \t]*\n)+/, "");
}

const DECORATORS = /^(?:@[^\n]*\n)*/;

/** An answer that writes the function's header again: what stands below it. Null: too early to tell. */
function bodyOf(code: string, ended: boolean): string | null {
  const at = DECORATORS.exec(code)![0].length;
  const rest = code.slice(at);
  // An indented one is a function within the body.
  if (/^(?:async\s+)?def\s/.test(rest)) {
    const end = headerEnd(rest);
    if (end === null) return null;
    const sameLine = rest.slice(end).match(/^[ \t]*([^\s#][^\n]*)/)?.[1];
    if (sameLine !== undefined) return sameLine;
    const below = rest.slice(end).replace(/^[^\n]*\n?/, "");
    return withoutDocstring(below, ended);
  }
  const first = rest.trimStart();
  const mayBeHeader = ["def ", "async def ", "@"].some((word) => word.startsWith(first) || first.startsWith("@"));
  return !ended && mayBeHeader ? null : rest;
}

/** Behind the colon that ends the header at the beginning of `code`; null: it is not there yet. */
function headerEnd(code: string): number | null {
  let depth = 0;
  let quote = "";
  for (let i = 0; i < code.length; ++i) {
    const character = code[i]!;
    if (quote !== "") {
      if (character === "\\") i += 1;
      else if (character === quote) quote = "";
    } else if (character === '"' || character === "'") quote = character;
    else if ("([{".includes(character)) depth += 1;
    else if (")]}".includes(character)) depth -= 1;
    else if (character === ":" && depth <= 0) return i + 1;
  }
  return null;
}

/** The docstring is in the file already. Null: it is not whole yet. */
function withoutDocstring(body: string, ended: boolean): string | null {
  const start = /^[ \t]*[rRuU]?("""|'''|")/.exec(body);
  if (start === null) return !ended && body.trim().length < 4 ? null : body;
  const end = body.indexOf(start[1]!, start[0].length);
  if (end === -1) return ended ? "" : null;
  const after = body.slice(end + start[1]!.length).replace(/^[ \t]*\n/, "");
  return trimBlankStart(after);
}

/** With its own indentation taken away and the place's put before all lines but the first. */
function indented(code: string, indentation: string): string {
  const lines = code.split("\n");
  const own = /^[ \t]*/.exec(lines[0]!)![0];
  return lines
    .map((line, i) => {
      const text = line.startsWith(own) ? line.slice(own.length) : line.trimStart();
      // A line that stands left of the answer's first ends the block; judging sees that by its indentation.
      if (i > 0 && own !== "" && line.trim() !== "" && !line.startsWith(own)) return text;
      return i === 0 || text.trim() === "" ? text : indentation + text;
    })
    .join("\n");
}
