/** Imports and the headers of functions and classes, read line by line: enough where no language server answers. Pure. */

const LONGEST_HEADER_LINES = 12;
const LONGEST_HEADER = 400;
const MOST_METHODS = 24;
const MOST_NAMES = 40;

export interface Import {
  /** Dotted, without the leading dots. */
  module: string;
  /** Leading dots: 0 for an absolute import. */
  level: number;
  /** What is taken from it, as it is called there; null for `import module`. */
  names: string[] | null;
  /** 0-based line of the statement. */
  line: number;
}

/** The import statements at the beginning of a line, in the file's order. */
export function importsOf(text: string): Import[] {
  const lines = text.split("\n");
  const imports: Import[] = [];
  for (let line = 0; line < lines.length; ++line) {
    const statement = lines[line]!;
    const [, dots, module, names] = /^\s*from\s+(\.*)([\w.]*)\s+import\s+(.*)$/.exec(statement) ?? [];
    if (names !== undefined) {
      const listed = names.trimStart().startsWith("(") ? parenthesised(lines, line) : names;
      imports.push({ module: module!, level: dots!.length, names: namesOf(listed), line });
      continue;
    }
    const [, modules] = /^\s*import\s+([\w., ]+)/.exec(statement) ?? [];
    for (const name of namesOf(modules ?? "")) imports.push({ module: name, level: 0, names: null, line });
  }
  return imports;
}

function parenthesised(lines: readonly string[], line: number): string {
  const text = lines.slice(line, line + MOST_NAMES).join("\n");
  const from = text.indexOf("(") + 1;
  const to = text.indexOf(")", from);
  return text.slice(from, to === -1 ? text.length : to).replace(/#.*$/gm, "");
}

function namesOf(list: string): string[] {
  return list
    .replace(/#.*$/, "")
    .split(",")
    .map((entry) =>
      entry
        .trim()
        .split(/\s+as\s+/)[0]!
        .trim(),
    )
    .filter((name) => /^[\w.]+$/.test(name))
    .slice(0, MOST_NAMES);
}

export interface Header {
  name: string;
  /** `def f(a, b=1) -> int:` on one line, without what it is indented by. */
  text: string;
  indentation: number;
  /** 0-based. */
  line: number;
  isClass: boolean;
}

/** Headers of functions and classes, in the file's order, nested ones too. */
export function headersOf(text: string): Header[] {
  const lines = text.split("\n");
  const headers: Header[] = [];
  for (let line = 0; line < lines.length; ++line) {
    const header = headerAt(lines, line);
    if (header !== null) headers.push(header);
  }
  return headers;
}

function headerAt(lines: readonly string[], line: number): Header | null {
  const [, indent, kind, name] = /^(\s*)((?:async\s+)?def|class)\s+(\w+)/.exec(lines[line]!) ?? [];
  if (name === undefined) return null;
  let text = "";
  for (let next = line; next < Math.min(lines.length, line + LONGEST_HEADER_LINES); ++next) {
    text += ` ${withoutComment(lines[next]!).trim()}`;
    if (openBrackets(text) <= 0) break;
  }
  const colon = headerEnd(text);
  if (colon === -1 || text.length > LONGEST_HEADER) return null;
  const joined = text.slice(0, colon + 1).trim();
  return { name, text: tidy(joined), indentation: indent!.length, line, isClass: kind === "class" };
}

function withoutComment(line: string): string {
  // A "#" within a default value's string would cut the header, which then lacks its colon and is left out.
  return line.replace(/\s#.*$/, "");
}

function openBrackets(text: string): number {
  return (text.match(/[([{]/g)?.length ?? 0) - (text.match(/[)\]}]/g)?.length ?? 0);
}

/** The first colon that no bracket encloses. */
function headerEnd(text: string): number {
  let depth = 0;
  for (let at = 0; at < text.length; ++at) {
    const character = text[at]!;
    if ("([{".includes(character)) depth += 1;
    else if (")]}".includes(character)) depth -= 1;
    else if (character === ":" && depth === 0) return at;
  }
  return -1;
}

function tidy(header: string): string {
  return header
    .replace(/\s+/g, " ")
    .replace(/([([{]) /g, "$1")
    .replace(/,? ([)\]}])/g, "$1");
}

/** What `name` of a file looks like from outside: a function's header, or a class's with those of its methods. */
export function outlineOf(headers: readonly Header[], name: string): string | null {
  const at = headers.findIndex((header) => header.name === name);
  return at === -1 ? null : outlineAt(headers, at);
}

export function outlineAt(headers: readonly Header[], at: number): string {
  const header = headers[at]!;
  if (!header.isClass) return `${header.text} ...`;
  const members: string[] = [];
  let indentation = -1;
  for (const member of headers.slice(at + 1)) {
    if (member.indentation <= header.indentation || members.length >= MOST_METHODS) break;
    if (indentation === -1) indentation = member.indentation;
    if (member.indentation === indentation && isPublic(member.name)) members.push(`    ${member.text} ...`);
  }
  return members.length === 0 ? `${header.text} ...` : [header.text, ...members].join("\n");
}

function isPublic(name: string): boolean {
  return !name.startsWith("_") || name === "__init__";
}

/** Names that are used with a dot after `module`, in the order of their first use. */
export function usedOf(text: string, module: string): string[] {
  const name = module.replace(/\./g, "\\.");
  const used = new Set<string>();
  for (const match of text.matchAll(new RegExp(`(?<![\\w.])${name}\\.([A-Za-z_]\\w*)`, "g"))) {
    if (used.size >= MOST_NAMES) break;
    used.add(match[1]!);
  }
  return [...used];
}

/** Files that may hold the module, relative to the folder that it is looked up from, the likeliest first. */
export function moduleFiles(module: string): string[] {
  const path = module.replace(/\./g, "/");
  return path === "" ? ["__init__.py"] : [`${path}.py`, `${path}/__init__.py`, `${path}.pyi`];
}
