/**
 * A strict RFC 8259 parser that keeps positions. It accepts exactly what JSON.parse accepts and says in words what is
 * wrong with the rest. It never recurses, so that hostile nesting costs memory but no stack.
 */

import {
  describeAfterRoot,
  describeAfterValue,
  describeNumber,
  describeWrongKey,
  describeWrongValue,
  type Finding,
  type Place,
  quoted,
} from "./explain";
import type {
  DuplicateKey,
  JsonArray,
  JsonError,
  JsonMember,
  JsonNode,
  JsonObject,
  JsonResult,
  JsonString,
} from "./syntaxTree";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const NUMBER_LIKE = /[.\w]/;
const HEX4 = /[0-9a-fA-F]{4}/y;
const SIMPLE_ESCAPES = new Set('"\\/bfnrt');
/** Objects with fewer members are searched for repeated keys one by one, larger ones by a map. */
const FEW_MEMBERS = 12;

/** A container that is still open. */
interface Frame {
  node: JsonObject | JsonArray;
  /** The key whose value comes next; of an object only. */
  key: JsonString | null;
  /** Keys seen so far, once there are many. */
  seen: Map<string, number> | null;
}

class SyntaxFailure extends Error {
  constructor(readonly at: JsonError) {
    super(at.message);
  }
}

/** Parses `text`, which must hold one JSON value and white space around it. */
export function parseJson(text: string): JsonResult {
  const parser = new Parser(text);
  try {
    const root = parser.parse();
    return { ok: true, text, root, duplicateKeys: parser.duplicateKeys };
  } catch (error) {
    if (error instanceof SyntaxFailure) return { ok: false, error: error.at };
    throw error;
  }
}

/** The string that a string node stands for. */
export function stringValue(text: string, node: JsonString): string {
  return node.escaped
    ? (JSON.parse(text.slice(node.offset, node.offset + node.length)) as string)
    : text.slice(node.offset + 1, node.offset + node.length - 1);
}

class Parser {
  readonly duplicateKeys: DuplicateKey[] = [];
  private position = 0;
  private readonly stack: Frame[] = [];

  constructor(private readonly text: string) {}

  parse(): JsonNode {
    this.skipSpace();
    for (;;) {
      const opened = this.openContainer();
      if (opened && !this.closesAtOnce(opened)) continue;
      const complete = opened ?? this.readScalar();
      const root = this.attach(complete);
      if (root) return this.finish(root);
    }
  }

  /** Pushes the container that starts here, if one does. */
  private openContainer(): JsonObject | JsonArray | null {
    const offset = this.position;
    const char = this.text[offset];
    if (char !== "{" && char !== "[") return null;
    this.position++;
    const node: JsonObject | JsonArray =
      char === "{"
        ? { kind: "object", offset, length: 0, members: [] }
        : { kind: "array", offset, length: 0, items: [] };
    this.stack.push({ node, key: null, seen: null });
    return node;
  }

  /** True if the container just opened is empty; else the position is at its first value. */
  private closesAtOnce(node: JsonObject | JsonArray): boolean {
    this.skipSpace();
    const closer = node.kind === "object" ? "}" : "]";
    if (this.text[this.position] === closer) {
      this.closeTop();
      return true;
    }
    if (node.kind === "object") this.readKey();
    return false;
  }

  private closeTop(): JsonNode {
    const { node } = this.stack.pop()!;
    this.position++;
    node.length = this.position - node.offset;
    return node;
  }

  /** Hands a complete value to its parent, closes what closes, and stops before the next value. Returns the root. */
  private attach(complete: JsonNode): JsonNode | null {
    let node = complete;
    for (;;) {
      const frame = this.stack[this.stack.length - 1];
      if (!frame) return node;
      if (frame.node.kind === "object") frame.node.members.push({ key: frame.key!, value: node });
      else frame.node.items.push(node);
      const adjacent = this.position;
      this.skipSpace();
      const char = this.text[this.position];
      if (char === ",") {
        this.nextMember(frame);
        return null;
      }
      if (char !== (frame.node.kind === "object" ? "}" : "]")) this.failAfterValue(frame, node, adjacent);
      node = this.closeTop();
    }
  }

  /** Steps over a comma to the next value (in an object: over its key and colon). */
  private nextMember(frame: Frame): void {
    const comma = this.position++;
    this.skipSpace();
    const char = this.text[this.position];
    const closer = frame.node.kind === "object" ? "}" : "]";
    if (char === closer) {
      this.fail(comma, 1, `Remove the comma after ${this.lastValue(frame)}: nothing follows it`);
    }
    if (frame.node.kind === "object") this.readKey();
  }

  private readKey(): void {
    const frame = this.stack[this.stack.length - 1]!;
    const start = this.position;
    if (this.text.charCodeAt(start) !== QUOTE) {
      this.failFound(start, describeWrongKey(this.text, start, frame.key !== null));
    }
    const key = this.readString();
    frame.key = key;
    this.noteDuplicate(frame, key);
    this.skipSpace();
    if (this.text[this.position] !== ":") {
      const name = quoted(stringValue(this.text, key));
      const end = this.position >= this.text.length;
      this.fail(
        this.position,
        end ? 0 : 1,
        end
          ? `Expected a colon and a value after the key ${name}, but the row ends here`
          : `Expected a colon after the key ${name}`,
      );
    }
    this.position++;
    this.skipSpace();
  }

  private noteDuplicate(frame: Frame, key: JsonString): void {
    const { members } = frame.node as JsonObject;
    if (members.length === 0) return;
    const name = stringValue(this.text, key);
    let firstOffset: number | undefined;
    if (members.length < FEW_MEMBERS) {
      firstOffset = members.find((member) => stringValue(this.text, member.key) === name)?.key.offset;
    } else {
      frame.seen ??= this.firstOffsets(members);
      firstOffset = frame.seen.get(name);
      if (firstOffset === undefined) frame.seen.set(name, key.offset);
    }
    if (firstOffset !== undefined) {
      this.duplicateKeys.push({ key: name, offset: key.offset, length: key.length, firstOffset });
    }
  }

  private firstOffsets(members: JsonMember[]): Map<string, number> {
    const first = new Map<string, number>();
    for (const { key } of members) {
      const name = stringValue(this.text, key);
      if (!first.has(name)) first.set(name, key.offset);
    }
    return first;
  }

  private readScalar(): JsonNode {
    const start = this.position;
    const char = this.text[start];
    if (char === '"') return this.readString();
    if (char === "-" || (char !== undefined && char >= "0" && char <= "9")) return this.readNumber();
    for (const word of ["true", "false", "null"] as const) {
      if (
        char === word[0] &&
        this.text.startsWith(word, start) &&
        !/[\w$]/.test(this.text[start + word.length] ?? "")
      ) {
        this.position += word.length;
        return { kind: word, offset: start, length: word.length };
      }
    }
    return this.failFound(start, describeWrongValue(this.text, start, this.place()));
  }

  private readNumber(): JsonNode {
    const offset = this.position;
    NUMBER.lastIndex = offset;
    const length = NUMBER.exec(this.text)?.[0].length ?? 0;
    const next = this.text[offset + length];
    if (length === 0 || (next !== undefined && NUMBER_LIKE.test(next))) {
      this.failFound(offset, describeNumber(this.text, offset));
    }
    this.position += length;
    return { kind: "number", offset, length };
  }

  private readString(): JsonString {
    const { text } = this;
    const offset = this.position;
    let escaped = false;
    for (let i = offset + 1; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code === QUOTE) {
        this.position = i + 1;
        return { kind: "string", offset, length: i + 1 - offset, escaped };
      }
      if (code === BACKSLASH) {
        escaped = true;
        i += this.escapeLength(i, offset) - 1;
      } else if (code < 0x20) this.failControl(i, code);
    }
    return this.failUnclosed(offset);
  }

  private escapeLength(at: number, stringStart: number): number {
    const { text } = this;
    if (at + 1 >= text.length) this.failUnclosed(stringStart);
    const char = text[at + 1]!;
    if (SIMPLE_ESCAPES.has(char)) return 2;
    if (char === "u") {
      HEX4.lastIndex = at + 2;
      if (HEX4.test(text)) return 6;
      const digits = /^[0-9a-fA-F]{0,3}/.exec(text.slice(at + 2, at + 5))![0].length;
      this.fail(at, 2 + digits, "\\u must be followed by four hexadecimal digits, as in \\u00e9");
    }
    if (char === "'") this.fail(at, 2, "\\' is not a JSON escape: write ' without a backslash");
    if (char < " ") this.failControl(at + 1, char.charCodeAt(0));
    const shown = String.fromCodePoint(text.codePointAt(at + 1)!);
    this.fail(at, 1 + shown.length, `\\${shown} is not a JSON escape: a backslash itself is written as \\\\`);
  }

  private failControl(at: number, code: number): never {
    if (code === 0x0a || code === 0x0d) this.fail(at, 1, "A line break inside a string must be written as \\n");
    if (code === 0x09) this.fail(at, 1, "A tab inside a string must be written as \\t");
    const hex = code.toString(16).padStart(4, "0");
    this.fail(at, 1, `The control character U+${hex.toUpperCase()} inside a string must be written as \\u${hex}`);
  }

  private failUnclosed(offset: number): never {
    this.fail(offset, this.text.length - offset, "The string that starts here is not closed on this line");
  }

  private failAfterValue(frame: Frame, node: JsonNode, adjacent: number): never {
    const last = this.lastValue(frame);
    const closer = frame.node.kind === "object" ? "}" : "]";
    const touches = node.kind === "string" && adjacent === this.position;
    this.failFound(this.position, describeAfterValue(this.text, this.position, closer, last, touches));
  }

  private finish(root: JsonNode): JsonNode {
    const adjacent = this.position;
    this.skipSpace();
    if (this.position < this.text.length) {
      const touches = root.kind === "string" && adjacent === this.position;
      this.failFound(this.position, describeAfterRoot(this.text, this.position, touches));
    }
    return root;
  }

  /** How a message names the value that was read last in `frame`. */
  private lastValue(frame: Frame): string {
    if (frame.node.kind === "object") return `the value of ${quoted(stringValue(this.text, frame.key!))}`;
    return `item ${frame.node.items.length}`;
  }

  /** What the value that should start here would be. */
  private place(): Place {
    const frame = this.stack[this.stack.length - 1];
    if (!frame) return { kind: "root" };
    if (frame.node.kind === "array") return { kind: "item", index: frame.node.items.length + 1 };
    return { kind: "member", key: stringValue(this.text, frame.key!) };
  }

  private skipSpace(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.position);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.position++;
    }
  }

  private failFound(at: number, found: Finding): never {
    this.fail(at, found.length, found.message);
  }

  private fail(offset: number, length: number, message: string): never {
    throw new SyntaxFailure({ offset, length, message });
  }
}
