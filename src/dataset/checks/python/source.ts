/** Python as it stands in a text, made ready for the parser, and the way back from the parser's lines. */

export interface PythonSource {
  code: string;
  /** Of `code`, one each. Most code parses, and then nobody asks for them. */
  readonly lines: SourceLine[];
}

export interface SourceLine {
  /** As the parser gets it. */
  code: string;
  /** In the text, where `code` begins: behind what was taken away. */
  start: number;
  /** In the text, without the line's end. */
  end: number;
}

const lineEnd = /\r\n|\r|\n/g;

/** The stretch of the text, without the indentation that all its lines have. */
export function sourceOf(text: string, start: number, end: number): PythonSource {
  const code = text.slice(start, end);
  const before = code[code.search(/\S/) - 1];
  if (before === " " || before === "\t") {
    const lines = splitLines(text, start, end);
    dedent(lines);
    return withLines(lines);
  }
  let lines: SourceLine[] | null = null;
  return {
    code,
    get lines() {
      lines ??= splitLines(text, start, end);
      return lines;
    },
  };
}

function splitLines(text: string, start: number, end: number): SourceLine[] {
  const lines: SourceLine[] = [];
  const stretch = text.slice(start, end);
  let lineStart = 0;
  const add = (to: number) =>
    lines.push({ code: stretch.slice(lineStart, to), start: start + lineStart, end: start + to });
  for (const match of stretch.matchAll(lineEnd)) {
    add(match.index);
    lineStart = match.index + match[0].length;
  }
  add(stretch.length);
  return lines;
}

function dedent(lines: SourceLine[]): void {
  let common: string | null = null;
  for (const { code } of lines) {
    const indentation = /^[ \t]*/.exec(code)![0];
    if (indentation.length === code.length) continue;
    common = common === null ? indentation : sharedStart(common, indentation);
    if (common === "") return;
  }
  const { length } = common ?? "";
  for (const line of lines) take(line, Math.min(length, line.code.length));
}

function sharedStart(left: string, right: string): string {
  let length = 0;
  while (length < left.length && left[length] === right[length]) length++;
  return left.slice(0, length);
}

function take(line: SourceLine, length: number): void {
  line.code = line.code.slice(length);
  line.start += length;
}

function withLines(lines: SourceLine[]): PythonSource {
  return { lines, code: lines.map(({ code }) => code).join("\n") };
}

const prompt = /^>>>(?: |$)/;
const continuation = /^\.\.\.(?: |$)/;

/** The statements of an interactive session, without prompts and what was printed; null where there is none. */
export function withoutPrompts(source: PythonSource): PythonSource | null {
  if (!source.lines.some(({ code }) => prompt.test(code))) return null;
  let inSession = false;
  const lines = source.lines.map((line) => {
    const copy = { ...line };
    if (prompt.test(line.code) || (inSession && continuation.test(line.code))) {
      inSession = true;
      take(copy, Math.min(4, line.code.length));
    } else if (inSession && line.code.trim() === "") {
      inSession = false;
    } else if (inSession) {
      copy.code = "";
    }
    return copy;
  });
  return withLines(lines);
}

/** `%matplotlib inline`, `!pip install x`, `%%time`, `files = !ls`, `df.head?`, `?df`: IPython's, no Python. */
const magic = /^([ \t]*)(?:(?:\w+ ?= ?)?(?:%%?[a-z]|![a-z.])|pip3? install |\?{1,2}[a-z_]|[a-z_][\w.]*\?{1,2}[ \t]*$)/i;
/** A cell in another language. */
const foreignCell =
  /^%%(?:bash|sh|script|html|javascript|js|latex|markdown|perl|ruby|svg|writefile|cmd|sql|cython|R)\b/;

/** The source with `pass` for every magic command; null where there is none. */
export function withoutMagics(source: PythonSource): PythonSource | null {
  if (!source.lines.some(({ code }) => magic.test(code))) return null;
  const lines = source.lines.map((line) => {
    const indentation = magic.exec(line.code)?.[1];
    return indentation === undefined ? line : { ...line, code: `${indentation}pass` };
  });
  return withLines(lines);
}

/** Whether it is a notebook's cell that is not run as Python. */
export function isForeignCell(source: PythonSource): boolean {
  return source.lines.some(({ code }) => foreignCell.test(code));
}
