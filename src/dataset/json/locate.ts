/** From a path into a value to the place of that value in the text. */

import { stringValue } from "./parser";
import type { JsonMember, JsonNode, JsonObject, JsonPath, JsonTree } from "./syntaxTree";

export interface TextRange {
  offset: number;
  length: number;
}

/** The node at `path`; null if there is none. Of a repeated key the last one counts, as in JSON.parse. */
export function nodeAt(tree: JsonTree, path: JsonPath): JsonNode | null {
  let node: JsonNode = tree.root;
  for (const step of path) {
    const next = childAt(tree, node, step);
    if (!next) return null;
    node = next;
  }
  return node;
}

/** Where the value at `path` stands; if something is missing on the way, the head of what should hold it. */
export function rangeAt(tree: JsonTree, path: JsonPath): TextRange {
  const node = nodeAt(tree, path);
  return node ? { offset: node.offset, length: node.length } : headAt(tree, path);
}

/**
 * The beginning of the container at `path`, up to the end of its first key or the opening bracket: enough to see where
 * something is missing without underlining thousands of characters. If the path leads nowhere, of the last container on it.
 */
export function headAt(tree: JsonTree, path: JsonPath): TextRange {
  let node: JsonNode = tree.root;
  for (const step of path) {
    const next = childAt(tree, node, step);
    if (!next) break;
    node = next;
  }
  return headOf(node);
}

export function memberOf(tree: JsonTree, node: JsonObject, key: string): JsonMember | null {
  for (let i = node.members.length - 1; i >= 0; i--) {
    const member = node.members[i]!;
    if (stringValue(tree.text, member.key) === key) return member;
  }
  return null;
}

function childAt(tree: JsonTree, node: JsonNode, step: string | number): JsonNode | null {
  if (node.kind === "object") return memberOf(tree, node, String(step))?.value ?? null;
  if (node.kind === "array") return node.items[Number(step)] ?? null;
  return null;
}

function headOf(node: JsonNode): TextRange {
  if (node.kind === "array") return { offset: node.offset, length: node.items.length === 0 ? node.length : 1 };
  const first = node.kind === "object" ? node.members[0]?.key : undefined;
  const end = first ? first.offset + first.length : node.offset + node.length;
  return { offset: node.offset, length: end - node.offset };
}
