import { unitLength } from "../checks/finding";
import type { JsonNode, JsonObject, JsonString, JsonTree } from "../json";
import type { TextEdit } from "./fix";

/** Replaces the stretch of a decoded text from `start` up to `end`. */
export interface TextReplacement {
  start: number;
  end: number;
  text: string;
}

export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  const pieces: string[] = [];
  let at = 0;
  for (const edit of edits) {
    pieces.push(text.slice(at, edit.offset), edit.text);
    at = edit.offset + edit.length;
  }
  pieces.push(text.slice(at));
  return pieces.join("");
}

export function applyReplacements(text: string, replacements: readonly TextReplacement[]): string {
  return applyEdits(
    text,
    replacements.map(({ start, end, text: put }) => ({ offset: start, length: end - start, text: put })),
  );
}

/** The one edit that makes `after` of `before`; no surrogate pair is cut. Null: they are the same. */
export function difference(before: string, after: string): TextEdit | null {
  if (before === after) return null;
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before.charCodeAt(start) === after.charCodeAt(start)) start++;
  if (start > 0 && isHighSurrogate(before.charCodeAt(start - 1))) start--;
  let same = 0;
  while (
    same < most - start &&
    before.charCodeAt(before.length - 1 - same) === after.charCodeAt(after.length - 1 - same)
  ) {
    same++;
  }
  if (same > 0 && isLowSurrogate(before.charCodeAt(before.length - same))) same--;
  return {
    offset: start,
    length: before.length - same - start,
    text: after.slice(start, after.length - same),
  };
}

/** From replacements in the text that a literal stands for to edits of the line; all other escapes stay as they are. */
export function editsInString(line: string, node: JsonString, replacements: readonly TextReplacement[]): TextEdit[] {
  const first = node.offset + 1;
  let at = first;
  let unit = 0;
  const rawOffset = (wanted: number): number => {
    if (!node.escaped) return first + wanted;
    for (; unit < wanted; unit++) at += unitLength(line, at);
    return at;
  };
  return replacements.map(({ start, end, text }) => {
    const offset = rawOffset(start);
    return { offset, length: rawOffset(end) - offset, text: escaped(text) };
  });
}

/** As it stands between the quotes of a JSON string. */
export function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** The member's value or the item that holds the offset. */
export function childAt(node: JsonNode, offset: number): JsonNode | null {
  const holds = (child: JsonNode) => offset >= child.offset && offset < child.offset + child.length;
  if (node.kind === "object") return node.members.find(({ value }) => holds(value))?.value ?? null;
  return node.kind === "array" ? (node.items.find(holds) ?? null) : null;
}

/** The innermost string value that holds the offset; keys are none. */
export function stringAt(tree: JsonTree, offset: number): JsonString | null {
  let node: JsonNode | null = tree.root;
  while (node !== null && node.kind !== "string") node = childAt(node, offset);
  return node;
}

/** The outermost value that begins at the offset. */
export function valueFrom(tree: JsonTree, offset: number): JsonNode | null {
  let node: JsonNode | null = tree.root;
  while (node !== null && node.offset !== offset) node = childAt(node, offset);
  return node;
}

/** The object that has a key at the offset, and the key's place in it. */
export function keyAt(tree: JsonTree, offset: number): { object: JsonObject; index: number } | null {
  let node: JsonNode | null = tree.root;
  while (node !== null) {
    if (node.kind === "object") {
      const index = node.members.findIndex(({ key }) => offset >= key.offset && offset < key.offset + key.length);
      if (index >= 0) return { object: node, index };
    }
    node = childAt(node, offset);
  }
  return null;
}

/** Takes the parts at `indices` (ascending) out of a list of parts that commas separate, with one comma each. */
export function withoutParts(
  parts: readonly { offset: number; length: number }[],
  indices: readonly number[],
): TextEdit[] {
  const removed = new Set(indices);
  const firstKept = parts.findIndex((_, index) => !removed.has(index));
  const edits: TextEdit[] = [];
  for (const index of indices) {
    const part = parts[index]!;
    const end = part.offset + part.length;
    const next = parts[index + 1];
    const before = parts[index - 1];
    // Parts before the first that stays go with the comma behind them, all others with the one before them.
    const [from, to] =
      firstKept < 0 || index < firstKept
        ? [part.offset, next?.offset ?? end]
        : [before ? before.offset + before.length : part.offset, end];
    const last = edits.at(-1);
    if (last && last.offset + last.length === from) last.length += to - from;
    else edits.push({ offset: from, length: to - from, text: "" });
  }
  return edits;
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}
