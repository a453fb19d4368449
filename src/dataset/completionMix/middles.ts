import { parser } from "@lezer/python";
import type { SeededRandom } from "./seededRandom";

/** Where a cursor may stand in Python code, and what belongs after it: the middles that completion is asked for. */

export type MiddleKind = "line" | "block" | "expression";

/** A stretch [start, end) of a source, in UTF-16 code units. It ends before the newline, as at a cursor. */
export interface Middle {
  kind: MiddleKind;
  start: number;
  end: number;
}

/** Longer sources are data in the shape of Python. */
export const LARGEST_SOURCE = 1_000_000;
const MOST_LINES = 10;
const LONGEST_MIDDLE = 480;
const LONGEST_EXPRESSION = 160;
/** How often each kind is drawn, where a source has it. */
const SHARES: readonly [MiddleKind, number][] = [
  ["line", 0.4],
  ["block", 0.3],
  ["expression", 0.3],
];
const ATTEMPTS = 8;

const EXPRESSIONS = new Set([
  "ArrayComprehensionExpression",
  "ArrayExpression",
  "AwaitExpression",
  "BinaryExpression",
  "CallExpression",
  "ConditionalExpression",
  "DictionaryComprehensionExpression",
  "DictionaryExpression",
  "LambdaExpression",
  "MemberExpression",
  "ParenthesizedExpression",
  "SetExpression",
  "String",
  "TupleExpression",
  "UnaryExpression",
]);
/** What stands between their brackets is one middle. */
const LISTS = new Set(["ArgList", "ParamList"]);
const BODIES = new Set(["Body", "MatchBody", "Script"]);
const TEXTS = new Set(["String", "FormatString", "ContinuedString"]);
const NO_STATEMENTS = new Set([":", ";", "Comment", "⚠"]);

interface Span {
  from: number;
  to: number;
}

/** A parsed source from which middles are drawn. Code with errors is taken as far as the parser understands it. */
export class PythonSource {
  /** Lines of code alone: neither blank nor with a comment, and not begun inside a string. */
  private readonly lines: Span[] = [];
  private readonly expressions: Span[] = [];
  /** Statements that begin their lines, body by body. */
  private readonly bodies: Span[][] = [];
  /** From which character on a middle may be, and up to where. */
  readonly topLevel: readonly Span[];

  constructor(readonly text: string) {
    const strings: Span[] = [];
    const comments: number[] = [];
    parser.parse(text).iterate({
      enter: (node) => {
        if (TEXTS.has(node.name) && this.isManyLines(node)) strings.push({ from: node.from, to: node.to });
        else if (node.name === "Comment") comments.push(node.from);
        if (BODIES.has(node.name)) this.addBody(node.node);
        if (EXPRESSIONS.has(node.name)) this.addExpression(node.from, node.to);
        else if (LISTS.has(node.name) && text[node.from] === "(") this.addExpression(node.from + 1, node.to - 1);
      },
    });
    this.addLines(strings, comments);
    this.topLevel = this.bodies[0] ?? [];
  }

  /** Null: the source has nothing worth completing. */
  draw(random: SeededRandom): Middle | null {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const middle = this.drawKind(kindFor(random.next()), random);
      if (middle !== null && /\w/.test(this.text.slice(middle.start, middle.end))) return middle;
    }
    return null;
  }

  /** The innermost body's end after `position`, where a continuation of it ends; at most `MOST_LINES` lines on. */
  endOfBody(position: number): number | null {
    const around = this.bodies.filter(
      (statements) => statements[0]!.from <= position && position < statements.at(-1)!.to,
    );
    const innermost = around.at(-1);
    if (innermost === undefined) return null;
    for (const { to } of [...innermost].reverse()) {
      if (to > position && this.isShort(position, to)) return to;
    }
    return null;
  }

  private drawKind(kind: MiddleKind, random: SeededRandom): Middle | null {
    switch (kind) {
      case "line":
        return this.drawLine(random);
      case "block":
        return this.drawBlock(random);
      case "expression":
        return this.drawExpression(random);
    }
  }

  /** The rest of a line: from its first character, from before its indentation, or from inside it. */
  private drawLine(random: SeededRandom): Middle | null {
    if (this.lines.length === 0) return null;
    const { from, to } = random.pick(this.lines);
    const indent = /^\s*/.exec(this.text.slice(from, to))![0].length;
    const how = random.next();
    const start = how < 0.1 ? from : how < 0.4 ? from + indent : this.cursorIn({ from: from + indent, to }, random);
    return to - start > LONGEST_MIDDLE ? null : { kind: "line", start, end: to };
  }

  /** One statement or several; of a body's first either from its own line or from behind the colon. */
  private drawBlock(random: SeededRandom): Middle | null {
    if (this.bodies.length === 0) return null;
    const statements = random.pick(this.bodies);
    const first = random.below(statements.length);
    const wanted = random.next() < 0.5 ? statements.length - first : 1 + random.below(3);
    const header = this.text.slice(0, statements[first]!.from).trimEnd().length;
    const behindColon = first === 0 && this.text[header - 1] === ":" && random.next() < 0.3;
    const start = behindColon ? header : statements[first]!.from;
    for (let last = Math.min(first + wanted, statements.length) - 1; last >= first; last--) {
      const end = statements[last]!.to;
      if (this.isShort(start, end)) return { kind: "block", start, end };
    }
    return null;
  }

  private drawExpression(random: SeededRandom): Middle | null {
    if (this.expressions.length === 0) return null;
    const span = random.pick(this.expressions);
    const start = random.next() < 0.65 ? span.from : this.cursorIn(span, random);
    return { kind: "expression", start, end: span.to };
  }

  /** Before a word or a sign, or, as while typing, a few characters into a word. */
  private cursorIn({ from, to }: Span, random: SeededRandom): number {
    const words = [...this.text.slice(from, to).matchAll(/\w+|[^\w\s]/g)];
    if (words.length === 0) return from;
    const word = random.pick(words);
    const typed = random.next() < 0.3 ? 1 + random.below(3) : 0;
    return from + word.index + Math.min(typed, word[0].length - 1);
  }

  private addBody(body: { firstChild: BodyChild | null }): void {
    const statements: Span[] = [];
    for (let child = body.firstChild; child !== null; child = child.nextSibling) {
      if (NO_STATEMENTS.has(child.name) || !this.beginsLine(child.from)) continue;
      const to = child.from + this.text.slice(child.from, child.to).trimEnd().length;
      if (to > child.from) statements.push({ from: child.from, to });
    }
    if (statements.length > 0) this.bodies.push(statements);
  }

  private addExpression(from: number, to: number): void {
    const length = to - from;
    if (length < 3 || length > LONGEST_EXPRESSION || this.isManyLines({ from, to })) return;
    const rest = this.text.slice(to, this.endOfLine(to));
    // Nothing behind it: that is the rest of a line. What goes on with a bracket or a dot is part of a larger expression.
    if (rest.trim() === "" || /^[\w([.]/.test(rest)) return;
    if (this.text.slice(from, to).trim().length === length) this.expressions.push({ from, to });
  }

  private addLines(strings: readonly Span[], comments: readonly number[]): void {
    let next = 0;
    let comment = 0;
    for (let from = 0; from < this.text.length; ) {
      const end = this.endOfLine(from);
      while (next < strings.length && strings[next]!.to <= from) next++;
      const inString = next < strings.length && strings[next]!.from < from;
      while (comment < comments.length && comments[comment]! < from) comment++;
      const commented = comment < comments.length && comments[comment]! < end;
      const to = from + this.text.slice(from, end).trimEnd().length;
      if (to > from && !inString && !commented) this.lines.push({ from, to });
      from = end + 1;
    }
  }

  private beginsLine(position: number): boolean {
    return this.text.slice(this.text.lastIndexOf("\n", position - 1) + 1, position).trim() === "";
  }

  private endOfLine(position: number): number {
    const end = this.text.indexOf("\n", position);
    return end < 0 ? this.text.length : end;
  }

  private isManyLines({ from, to }: Span): boolean {
    return this.endOfLine(from) < to;
  }

  private isShort(from: number, to: number): boolean {
    if (to - from > LONGEST_MIDDLE) return false;
    let lines = 1;
    for (let at = this.endOfLine(from); at < to; at = this.endOfLine(at + 1)) lines++;
    return lines <= MOST_LINES;
  }
}

interface BodyChild {
  name: string;
  from: number;
  to: number;
  nextSibling: BodyChild | null;
}

function kindFor(chance: number): MiddleKind {
  let left = chance;
  for (const [kind, share] of SHARES) {
    if (left < share) return kind;
    left -= share;
  }
  return "line";
}

/**
 * Where a model meets the cursor at `position`: before the begun word and the space before it, which completion takes out
 * of the prompt (src/completion-worker/wordHealing.ts). An indentation alone stays.
 */
export function wordStart(text: string, position: number): number {
  const line = text.slice(text.lastIndexOf("\n", position - 1) + 1, position);
  if (line.trim() === "") return position;
  return position - (/(?: ?[A-Za-z0-9_]{1,48}| )$/.exec(line)?.[0].length ?? 0);
}

/** The same for a model that only continues: there a blank line's indentation is taken out of the prompt too. */
export function indentationStart(text: string, position: number): number {
  const lineStart = text.lastIndexOf("\n", position - 1) + 1;
  const blank = position - lineStart <= 48 && text.slice(lineStart, position).trim() === "";
  return blank ? lineStart : wordStart(text, position);
}
