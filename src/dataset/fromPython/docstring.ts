/** From a docstring's literal to a sentence or two that say what the function does. */

/** A docstring longer than this is cut after the paragraph that still fits. */
const LONGEST = 600;

const prefix = /^([rRuU]?)("""|'''|"|')/;
const simpleEscapes: Record<string, string> = {
  "\n": "",
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};
const escapeSequence = /\\(?:([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))/g;

/** Null: not a docstring (bytes, f-string, several literals joined). */
export function literalValue(literal: string): string | null {
  const start = prefix.exec(literal);
  if (start === null) return null;
  const quote = start[2]!;
  if (literal.length < start[0].length + quote.length || !literal.endsWith(quote)) return null;
  const body = literal.slice(start[0].length, literal.length - quote.length);
  return start[1]!.toLowerCase() === "r" ? body : resolveEscapes(body);
}

function resolveEscapes(text: string): string {
  return text.replace(escapeSequence, (whole, octal, x, u4, u8, other: string | undefined) => {
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
    const code = Number.parseInt(x ?? u4 ?? u8 ?? "", 16);
    if (!Number.isNaN(code)) return isCharacter(code) ? String.fromCodePoint(code) : whole;
    // An escape that Python does not know stands for itself, backslash included; \N{…} stays readable that way.
    return simpleEscapes[other!] ?? whole;
  });
}

/** Python's texts can hold halves of surrogate pairs, rows cannot. */
function isCharacter(code: number): boolean {
  return code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

/** What inspect.cleandoc does: the common indentation goes, blank lines at both ends go. */
export function dedentDocstring(text: string): string {
  const lines = expandTabs(text).split("\n");
  const rest = lines.slice(1).filter((line) => line.trim() !== "");
  const margin = Math.min(...rest.map((line) => line.length - line.trimStart().length));
  const dedented = lines.map((line, index) => (index === 0 ? line.trimStart() : line.slice(margin)).trimEnd());
  return dedented.join("\n").replace(/^\n+|\n+$/g, "");
}

function expandTabs(text: string): string {
  return text.replace(/^[ \t]+/gm, (indent) => {
    let width = 0;
    for (const char of indent) width = char === "\t" ? (Math.floor(width / 8) + 1) * 8 : width + 1;
    return " ".repeat(width);
  });
}

const field =
  /^\s*[:@](param|parameter|arg|argument|key|keyword|type|raises?|except|exception|var|returns?|rtype|yields?|ytype)\b/;
const heading =
  /^\s*(args|arguments|attributes|examples?|keyword arguments|keyword args|notes?|other parameters|parameters|raises|references|returns?|see also|usage|warns|yields?)\s*:*\s*$/i;
const underline = /^\s*(-{3,}|={3,}|~{3,})\s*$/;
const directive = /^\s*\.\. /;

/** The description alone: without parameter lists, sections and doctests, and not more than a few sentences. */
export function describe(docstring: string): string {
  const paragraphs: string[] = [];
  let length = 0;
  for (const paragraph of dedentDocstring(docstring).split(/\n\s*\n/)) {
    const lines = paragraph.split("\n");
    const end = lines.findIndex((line, index) => startsSection(line, lines[index + 1]));
    const kept = cutDoctest(end < 0 ? lines : lines.slice(0, end))
      .join("\n")
      .trimEnd();
    const fits = paragraphs.length === 0 || length + kept.length <= LONGEST;
    if (kept.trim() !== "" && fits) {
      paragraphs.push(kept);
      length += kept.length;
    }
    if (end >= 0 || !fits) break;
  }
  // "Such as this:" before a doctest that is gone leads nowhere, but is better than no description.
  return paragraphs.join("\n\n").trim();
}

function startsSection(line: string, next: string | undefined): boolean {
  return field.test(line) || heading.test(line) || directive.test(line) || (next !== undefined && underline.test(next));
}

function cutDoctest(lines: string[]): string[] {
  const start = lines.findIndex((line) => /^\s*>>>/.test(line));
  return start < 0 ? lines : lines.slice(0, start);
}
