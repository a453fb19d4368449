/** A function's docstring that ends right before the cursor. Pure. */

/** Further up nothing is looked for: what is that long asks for nothing any more. */
const LONGEST_DOCSTRING = 80;
const LONGEST_HEADER = 30;

export interface DocstringAbove {
  /** `name(a, b=1) -> int`, on one line. */
  signature: string;
  async: boolean;
  /** The class that it is a method of; null: none. */
  className: string | null;
  /** What it says, without quotes and common indentation. */
  text: string;
  /** Of the body that it opens, in characters. */
  indentation: number;
}

/**
 * The docstring of the function whose body begins at the cursor: it ends on the cursor's line or, where that is blank,
 * above it, with at most one blank line between. Null where there is none, or it is a class's or a module's.
 */
export function docstringUnderHeader(linesBefore: readonly string[], line: string): DocstringAbove | null {
  const last = lastLine(linesBefore, line);
  if (last === null) return null;
  const end = /("""|''')\s*$/.exec(last.text);
  if (end === null) return null;
  const start = openingLine(linesBefore, last, end[1]!);
  const header = start === null ? null : headerAbove(linesBefore, start.index);
  if (start === null || header === null) return null;
  const lines = [...linesBefore.slice(start.index, last.index), last.text];
  const body = lines.join("\n").trim();
  const text = dedented(body.slice(start.open, body.length - 3));
  return text === "" ? null : { ...header, text, indentation: start.indentation };
}

function lastLine(linesBefore: readonly string[], line: string): { text: string; index: number } | null {
  if (line.trim() !== "") return { text: line, index: linesBefore.length };
  for (let index = linesBefore.length - 1; index >= Math.max(0, linesBefore.length - 2); --index) {
    if (linesBefore[index]!.trim() !== "") return { text: linesBefore[index]!, index };
  }
  return null;
}

/** `open`: characters of the opening quotes with their prefix. */
function openingLine(
  linesBefore: readonly string[],
  last: { text: string; index: number },
  quotes: string,
): { index: number; open: number; indentation: number } | null {
  for (let index = last.index; index >= Math.max(0, last.index - LONGEST_DOCSTRING); --index) {
    const text = index === last.index ? last.text : linesBefore[index]!;
    const [, indent, opening, rest] = /^([ \t]*)([rRuU]?(?:"""|'''))(.*)$/.exec(text) ?? [];
    const opens = opening?.endsWith(quotes) === true && (index < last.index || rest!.trimEnd().length >= 3);
    if (opens) return { index, open: opening.length, indentation: indent!.length };
    if (index < last.index && text.includes(quotes)) return null;
  }
  return null;
}

type Header = Pick<DocstringAbove, "signature" | "async" | "className">;

/** The function's header that ends on the line above `docstring`. */
function headerAbove(lines: readonly string[], docstring: number): Header | null {
  if (docstring === 0 || !/:\s*(#.*)?$/.test(lines[docstring - 1]!)) return null;
  for (let index = docstring - 1; index >= Math.max(0, docstring - LONGEST_HEADER); --index) {
    const text = lines[index]!;
    const [, indent, async] = /^([ \t]*)(async\s+)?def\s+\w/.exec(text) ?? [];
    if (indent !== undefined) {
      const signature = signatureOf(lines.slice(index, docstring));
      return { signature, async: async !== undefined, className: classAround(lines, index, indent.length) };
    }
    // Only parameters may stand between the header's first line and its colon.
    if (/^\s*(class|if|for|while|with|try|else|elif|except|return)\b/.test(text) || text.trim() === "") return null;
  }
  return null;
}

function signatureOf(header: readonly string[]): string {
  return header
    .map((line) => line.replace(/\s#.*$/, "").trim())
    .join(" ")
    .replace(/^(async\s+)?def\s+/, "")
    .replace(/:\s*$/, "")
    .replace(/\s+/g, " ")
    .replace(/([([{]) /g, "$1")
    .replace(/,? ([)\]}])/g, "$1");
}

/** The nearest line above that is indented less: a class's header, or none. */
function classAround(lines: readonly string[], def: number, indentation: number): string | null {
  if (indentation === 0) return null;
  for (let index = def - 1; index >= 0; --index) {
    const text = lines[index]!.trimStart();
    if (text === "" || text.startsWith("#") || lines[index]!.length - text.length >= indentation) continue;
    return /^class\s+(\w+)/.exec(text)?.[1] ?? null;
  }
  return null;
}

function dedented(text: string): string {
  const lines = text.split("\n");
  const indents = lines.slice(1).filter((line) => line.trim() !== "");
  const margin = Math.min(...indents.map((line) => line.length - line.trimStart().length));
  return lines
    .map((line, index) => (index === 0 ? line.trim() : line.slice(margin).trimEnd()))
    .join("\n")
    .trim();
}
