/** Whether what stands before the cursor asks for code. Pure. */

import { AMBIGUOUS_VERBS, CLEAR_VERBS, DETERMINERS, OPENING, THING_ASKED_FOR } from "./askingVerbs";
import { type DocstringAbove, docstringUnderHeader } from "./docstringAbove";

/** A comment of more lines than that tells a story. */
const MOST_COMMENT_LINES = 8;
const LONGEST = 1500;
const FEWEST_WORDS = 2;

/**
 * The text of the comment or docstring that asks for the code to be written at the cursor; null where nothing does. A
 * comment asks where it is an order ("parse the date and return it"), a TODO, or names what is wanted ("function that
 * …"), and stands on lines of its own right before the cursor; a docstring where it is a function's own, right under the
 * header. `line` is the cursor's line up to the cursor, `lineBelow` the one after the cursor's: a comment with code
 * right below it explains that code.
 */
export function askedFor(linesBefore: readonly string[], line: string, lineBelow = ""): string | null {
  const docstring = docstringUnderHeader(linesBefore, line);
  if (docstring !== null) return bodyFollows(docstring.indentation, lineBelow) ? null : clip(task(docstring));
  const comment = commentAbove(linesBefore, line);
  if (comment === null || bodyFollows(comment.indentation, lineBelow)) return null;
  return order(comment.text);
}

/** In the words of the rows that *Create Dataset from Python Files* makes (src/dataset/fromPython/rows.ts). */
function task({ async, className, signature, text }: DocstringAbove): string {
  const kind = `${async ? "an async" : "a"} Python ${className === null ? "function" : "method"}`;
  const place = className === null ? "" : ` of class \`${className}\``;
  return `Write ${kind} \`${signature}\`${place}.\n\n${text}`;
}

/** The comment that ends on the cursor's line or, where that is blank, on the line above. */
function commentAbove(linesBefore: readonly string[], line: string): { text: string; indentation: number } | null {
  const lines: string[] = [];
  let indentation = -1;
  let next = line.trim() === "" ? linesBefore.length - 1 : linesBefore.length;
  for (; next >= 0 && lines.length <= MOST_COMMENT_LINES; --next) {
    const [, indent, text] = /^([ \t]*)#(?!!)[#:]*(.*)$/.exec(linesBefore[next] ?? line) ?? [];
    if (indent === undefined || text === undefined || (indentation !== -1 && indent.length !== indentation)) break;
    indentation = indent.length;
    lines.unshift(text.trim());
  }
  if (lines.length === 0 || lines.length > MOST_COMMENT_LINES) return null;
  // A blank comment line parts two comments; the one at the cursor counts.
  const from = lines.lastIndexOf("") + 1;
  return { text: lines.slice(from).join("\n"), indentation };
}

/** The comment without its openings; null where it explains, or is code that was put out of use. */
function order(comment: string): string | null {
  const [, mark, marked] = /^(TODO|To do)(?:\([^)]*\))?\s*[:,-]?\s+([\s\S]*)$/i.exec(comment) ?? [];
  const text = withoutOpenings(marked ?? comment);
  const words = text.match(/[\p{L}\p{N}_'-]+/gu) ?? [];
  if (words.length < FEWEST_WORDS || text.endsWith("?") || isCode(text)) return null;
  if (mark !== undefined || THING_ASKED_FOR.test(text)) return clip(text);
  const [verb, object] = words.map((word) => word.toLowerCase()) as [string, string];
  if (!new RegExp(`^${verb}\\b(?![:.(=])`, "i").test(text)) return null;
  if (CLEAR_VERBS.has(verb)) return object === "of" ? null : clip(text);
  return AMBIGUOUS_VERBS.has(verb) && DETERMINERS.has(object) ? clip(text) : null;
}

function withoutOpenings(comment: string): string {
  let text = comment.trim();
  for (let next = text.replace(OPENING, ""); next !== text; next = text.replace(OPENING, "")) text = next;
  return text;
}

const STATEMENT =
  /^(?:(?:import|from|def|class|async def|del|global|nonlocal|assert|raise|yield|await|return)\s+[\w.]+(?:\s*[([,=].*|\s+import\s.*)?:?$|@\w|(?:pass|break|continue|return)$|(?:if|elif|else|for|while|with|try|except|finally)\b.*:$)/;

/** A line of Python rather than a sentence: assignments, calls, statements, headers. */
function isCode(text: string): boolean {
  const line = text.split("\n", 1)[0]!.trim();
  return STATEMENT.test(line) || /^[\w.[\]'"]+\s*[-+*/|&]?=[^=]/.test(line) || /^[\w.]+\(.*\)[.,:]?$/.test(line);
}

/** Whether the block that the comment or docstring asks for is there already. */
function bodyFollows(indentation: number, lineBelow: string): boolean {
  const text = lineBelow.trimStart();
  return text !== "" && !text.startsWith("#") && lineBelow.length - text.length >= indentation;
}

function clip(text: string): string | null {
  const clipped = text.slice(0, LONGEST).trim();
  return clipped === "" ? null : clipped;
}
