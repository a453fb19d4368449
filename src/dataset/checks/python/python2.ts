import type { PythonSource } from "./source";

/** What Python 2 had and Python 3 has not. */

interface Remnant {
  pattern: RegExp;
  /** Goes on after "This is Python 2: ". */
  remedy: string;
}

const remnants: readonly Remnant[] = [
  {
    pattern: /(?:^|[:;])\s*print(?:\s+(?!=|in\b|is\b|and\b|or\b|if\b|[-+*/%)\],.(])[^\s=]|\s*>>|["'])/,
    remedy: "write print(…) with parentheses",
  },
  { pattern: /^\s*print\s+\(.*\)\s*(?:%|,\s*$|,\s*\S)/, remedy: "write print(…) with parentheses" },
  { pattern: /^\s*except\s+[\w.]+\s*,\s*[a-z_]\w*\s*:/, remedy: "write `except … as …`" },
  { pattern: /^\s*raise\s+[\w.]+\s*,/, remedy: "write `raise …(…)`" },
  { pattern: /^\s*exec\s+["'\w]/, remedy: "write exec(…) with parentheses" },
  { pattern: /`[^`]+`/, remedy: "write repr(…) for backticks" },
  { pattern: /<>/, remedy: "write != for <>" },
  { pattern: /(?<![\w.])0[0-7]+(?![\w.])/, remedy: "write octal numbers as 0o…" },
  { pattern: /(?<![\w.])\d+[lL](?!\w)/, remedy: "write long integers without L" },
  { pattern: /(?<!\w)ur["']/i, remedy: 'write r"…" for ur"…"' },
];
/** Python 3 parses these, with another meaning. */
const silent = [remnants[2]!, { pattern: /^\s*print\s*>>/, remedy: "write print(…, file=…)" }];

export function python2Remedy(bareLine: string): string | null {
  return remnants.find(({ pattern }) => pattern.test(bareLine))?.remedy ?? null;
}

/** The first line that parses although it is Python 2. */
export function silentPython2({ code, lines }: PythonSource): { line: number; remedy: string } | null {
  if (!/except [\w., ]{1,80},|print\s*>>/.test(code)) return null;
  for (const [line, { code: text }] of lines.entries()) {
    const found = silent.find(({ pattern }) => pattern.test(text));
    if (found !== undefined) return { line, remedy: found.remedy };
  }
  return null;
}
