/** How a document is indented: by tabs, or by `unit` spaces a level. */
export interface IndentationStyle {
  tabs: boolean;
  unit: number;
}

/** What models write of themselves. */
const USUAL_UNIT = 4;

/** The document's own habit, and where it shows none, the editor's setting. */
export function indentationStyle(text: string, editor: IndentationStyle): IndentationStyle {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const tabbed = lines.filter((line) => line.startsWith("\t")).length;
  const spaced = lines.filter((line) => line.startsWith(" ")).length;
  if (tabbed === 0 && spaced === 0) return editor;
  if (tabbed > spaced) return { tabs: true, unit: editor.unit };
  const steps = new Map<number, number>();
  for (const [above, below] of headersAndBodies(lines)) {
    const step = widthOf(below) - widthOf(above);
    if (step > 0 && step <= 8) steps.set(step, (steps.get(step) ?? 0) + 1);
  }
  const [usual] = [...steps].sort(([a, timesA], [b, timesB]) => timesB - timesA || a - b);
  return { tabs: false, unit: usual?.[0] ?? (editor.tabs ? USUAL_UNIT : editor.unit) };
}

/**
 * A suggestion's lines indented as the document is. They are changed only where all of them are whole levels apart, and
 * none lies in a string of several lines or goes on with one above.
 */
export function inIndentationStyle(text: string, linePrefix: string, style: IndentationStyle): string {
  const lines = text.split("\n");
  if (lines.length < 2 || /"""|'''|\\$/m.test(text)) return text;
  const written = lines.slice(1).filter((line) => line.trim() !== "");
  const own = linesIndentation(linePrefix);
  const convert = conversion([linePrefix + lines[0]!, ...written], own, style);
  if (convert === null) return text;
  const converted = lines.map((line, index) => {
    if (index === 0 || line.trim() === "") return line;
    return convert(linesIndentation(line)) + line.trimStart();
  });
  return converted.join("\n");
}

type Convert = (indentation: string) => string;

/** Null: the lines are as they should be, or it is not certain what they mean. */
function conversion(lines: readonly string[], own: string, style: IndentationStyle): Convert | null {
  const indentations = lines.slice(1).map(linesIndentation);
  const hasTabs = indentations.some((indentation) => indentation.includes("\t"));
  if (style.tabs) {
    if (!indentations.some((indentation) => indentation.includes(" ")) || /[^\t]/.test(own)) return null;
    // Each level that the model wrote in spaces, after whatever tabs it took from the document.
    const whole = indentations.every((indentation) => /^\t*(?: {4})*$/.test(indentation));
    return whole ? (indentation) => indentation.replaceAll(" ".repeat(USUAL_UNIT), "\t") : null;
  }
  if (own.includes("\t")) return null;
  if (hasTabs) {
    const whole = indentations.every((indentation) => /^(?:\t*| *)$/.test(indentation));
    return whole ? (indentation) => indentation.replaceAll("\t", " ".repeat(style.unit)) : null;
  }
  const [header] = headersAndBodies(lines);
  const step = header === undefined ? 0 : widthOf(header[1]) - widthOf(header[0]);
  const isWhole = indentations.every(({ length }) => (length - own.length) % step === 0);
  if (step <= 0 || step === style.unit || !isWhole) return null;
  return ({ length }) => " ".repeat(Math.max(0, own.length + ((length - own.length) / step) * style.unit));
}

/** Lines that end in a colon, each with the line below it. */
function headersAndBodies(lines: readonly string[]): [string, string][] {
  return lines.flatMap((line, index): [string, string][] => {
    const below = lines[index + 1];
    return below !== undefined && /:\s*$/.test(line) ? [[line, below]] : [];
  });
}

function linesIndentation(line: string): string {
  return /^[ \t]*/.exec(line)![0];
}

const widthOf = (line: string) => linesIndentation(line).length;
