import type { SyntaxNode, Tree } from "@lezer/common";
import { parser } from "@lezer/python";
import { literalValue } from "./docstring";

/** The functions of a Python source that have a docstring. */

export interface PythonFunction {
  name: string;
  /** `name(a, b=1) -> int`, on one line. */
  signature: string;
  async: boolean;
  /** The class it is a method of; dotted where classes are nested. */
  className: string | null;
  docstring: string;
  /** Without the docstring, dedented, decorators included. */
  source: string;
  /** Characters of the body that are no blanks. */
  bodyLength: number;
  /** Only pass, … or raise NotImplementedError is left. */
  trivial: boolean;
}

export type SkippedFunction = "no-docstring" | "syntax-error" | "empty-body";

export interface FoundFunctions {
  functions: PythonFunction[];
  skipped: Record<SkippedFunction, number>;
}

/**
 * Functions inside functions stay in the answer of the outer one: alone, their closure would be missing. A syntax
 * error costs the function it lies in, not the file.
 */
export function findFunctions(text: string): FoundFunctions {
  const found: FoundFunctions = { functions: [], skipped: { "no-docstring": 0, "syntax-error": 0, "empty-body": 0 } };
  const classes: string[] = [];
  parser.parse(text).iterate({
    enter(ref) {
      if (ref.name === "ClassDefinition") {
        classes.push(textOf(text, ref.node.getChild("VariableName")));
      } else if (ref.name === "FunctionDefinition") {
        const result = extract(text, ref.node, classes);
        if (typeof result === "string") found.skipped[result]++;
        else found.functions.push(result);
        return false;
      }
      return true;
    },
    leave(ref) {
      if (ref.name === "ClassDefinition") classes.pop();
    },
  });
  return found;
}

function extract(text: string, node: SyntaxNode, classes: readonly string[]): PythonFunction | SkippedFunction {
  const decorated = node.parent?.name === "DecoratedStatement" ? node.parent : node;
  const body = node.getChild("Body");
  if (body === null || hasError(decorated)) return "syntax-error";
  const statement = docstringStatement(body);
  const literal = statement === null ? null : literalValue(textOf(text, statement));
  if (statement === null || literal === null) return "no-docstring";
  const source = withoutDocstring(text, decorated, statement);
  const rest = parseAlone(source);
  if (rest === "syntax-error" || rest === "empty-body") return rest;
  return {
    name: textOf(text, node.getChild("VariableName")),
    signature: signature(text, node, body),
    async: node.getChild("async") !== null,
    className: classes.length === 0 ? null : classes.join("."),
    docstring: literal,
    source,
    bodyLength: source.slice(rest.from + 1, rest.to).replace(/\s+/g, "").length,
    trivial: statements(rest).every((left) => isPlaceholder(source, left)),
  };
}

/** Python 2's print is no error to the parser, but it is to Python 3. */
function hasError(node: SyntaxNode | Tree): boolean {
  const cursor = node.cursor();
  const end = "to" in node ? node.to : node.length;
  do {
    if (cursor.from > end) return false;
    if (cursor.type.isError || cursor.name === "PrintStatement") return true;
  } while (cursor.next());
  return false;
}

function docstringStatement(body: SyntaxNode): SyntaxNode | null {
  const first = statements(body)[0];
  return first?.name === "ExpressionStatement" && first.firstChild?.name === "String" ? first : null;
}

/** A body's statements; those that share a line lie in a group. */
function statements(body: SyntaxNode): SyntaxNode[] {
  const result: SyntaxNode[] = [];
  for (let child = body.firstChild; child !== null; child = child.nextSibling) {
    if (child.name === "StatementGroup") result.push(...statements(child));
    else if (child.name !== ":" && child.name !== ";" && child.name !== "Comment") result.push(child);
  }
  return result;
}

/** Cuts the docstring with everything that only it needs, then takes the function's indentation away. */
function withoutDocstring(text: string, node: SyntaxNode, docstring: SyntaxNode): string {
  let from = docstring.from;
  let to = docstring.to;
  const lineStart = text.lastIndexOf("\n", from - 1) + 1;
  const separator = /^[ \t]*;[ \t]*/.exec(text.slice(to, node.to));
  if (separator !== null) {
    to += separator[0].length;
  } else if (text.slice(lineStart, from).trim() === "") {
    // With the blank lines that set the docstring apart.
    from = lineStart - /(?:(?<=\n)[ \t]*\n)*$/.exec(text.slice(node.from, lineStart))![0].length;
    to = endOfLine(text, to);
    to += /^(?:[ \t]*\n)*/.exec(text.slice(to, node.to))![0].length;
  }
  const indent = text.slice(text.lastIndexOf("\n", node.from - 1) + 1, node.from);
  const kept = keptLines(text, node, from, to);
  return dedent(kept, indent.trim() === "" ? indent : "").trimEnd();
}

interface SourceLine {
  text: string;
  /** It begins inside a string: its blanks are part of a value. */
  inString: boolean;
}

function keptLines(text: string, node: SyntaxNode, from: number, to: number): SourceLine[] {
  const strings = multilineStrings(node, text);
  const lines: SourceLine[] = [];
  let start = node.from;
  while (start < node.to) {
    const end = Math.min(endOfLine(text, start), node.to);
    const line = cut(text, start, end, from, to);
    if (line !== null) {
      const inString = strings.some((string) => string.from < start && start < string.to);
      const previous = lines.at(-1);
      // A cut within a line leaves its two ends to be joined again.
      if (previous !== undefined && !previous.text.endsWith("\n")) previous.text += line;
      else lines.push({ text: line, inString });
    }
    start = end;
  }
  return lines;
}

/** The part of [start, end) outside [from, to); null where nothing is left. */
function cut(text: string, start: number, end: number, from: number, to: number): string | null {
  if (to <= start || from >= end) return text.slice(start, end);
  const left = text.slice(start, Math.max(start, from)) + text.slice(Math.min(end, to), end);
  return left === "" ? null : left;
}

function multilineStrings(node: SyntaxNode, text: string): { from: number; to: number }[] {
  const result: { from: number; to: number }[] = [];
  const cursor = node.cursor();
  do {
    if (cursor.from >= node.to) break;
    const isString = cursor.name === "String" || cursor.name === "FormatString";
    if (isString && text.slice(cursor.from, cursor.to).includes("\n"))
      result.push({ from: cursor.from, to: cursor.to });
  } while (cursor.next());
  return result;
}

function dedent(lines: readonly SourceLine[], indent: string): string {
  return lines
    .map(({ text, inString }, index) => {
      if (index === 0 || inString) return text;
      if (text.startsWith(indent)) return text.slice(indent.length);
      // A continuation or comment left of the function: nothing hangs on its indentation.
      return text.replace(/^[ \t]+/, "");
    })
    .join("");
}

function endOfLine(text: string, position: number): number {
  const end = text.indexOf("\n", position);
  return end < 0 ? text.length : end + 1;
}

/** The function's body as it now is, from the answer's own text. */
function parseAlone(source: string): SyntaxNode | "syntax-error" | "empty-body" {
  const tree = parser.parse(`${source}\n`);
  const top = tree.topNode.firstChild;
  const definition = top?.name === "DecoratedStatement" ? top.getChild("FunctionDefinition") : top;
  const body = definition?.name === "FunctionDefinition" ? definition.getChild("Body") : null;
  if (body !== null && statements(body).every((statement) => statement.type.isError)) return "empty-body";
  if (body === null || top!.nextSibling !== null || hasError(tree)) return "syntax-error";
  return body;
}

function isPlaceholder(source: string, statement: SyntaxNode): boolean {
  if (statement.name === "PassStatement") return true;
  const text = source.slice(statement.from, statement.to).trim();
  return text === "..." || /^raise\s+NotImplementedError\b/.test(text);
}

/** Parameters as they stand, on one line, without comments. */
function signature(text: string, node: SyntaxNode, body: SyntaxNode): string {
  const name = node.getChild("VariableName")!;
  let result = "";
  let position = name.from;
  const cursor = node.cursor();
  do {
    if (cursor.from >= body.from) break;
    if (cursor.name === "Comment" && cursor.from >= name.from) {
      result += text.slice(position, cursor.from);
      position = cursor.to;
    }
  } while (cursor.next());
  result += text.slice(position, body.from);
  return result
    .replace(/\\\n/g, " ")
    .replace(/\s+/g, " ")
    .replace(/([([{]) /g, "$1")
    .replace(/,? ([)\]}])/g, "$1")
    .trim();
}

function textOf(text: string, node: SyntaxNode | null): string {
  return node === null ? "" : text.slice(node.from, node.to);
}
