/** From a place in a row's text to what stands there. */

import { type JsonNode, type JsonString, type JsonTree, stringValue } from "../../dataset/json";
import type { RowPath } from "../../dataset/problem";

export interface PlaceInRow {
  path: RowPath;
  node: JsonNode;
  /** Set where the place is in a key: `node` is then its value. */
  key: JsonString | null;
}

/** The innermost value whose text holds `offset`, or the member whose key does. */
export function placeAt(tree: JsonTree, offset: number): PlaceInRow {
  const path: (string | number)[] = [];
  let node = tree.root;
  for (;;) {
    const inner: PlaceInRow | null = childHolding(tree, node, offset);
    if (!inner) return { path, node, key: null };
    path.push(...inner.path);
    if (inner.key) return { path, node: inner.node, key: inner.key };
    node = inner.node;
  }
}

function childHolding(tree: JsonTree, node: JsonNode, offset: number): PlaceInRow | null {
  if (node.kind === "array") {
    const index = node.items.findIndex((item) => holds(item, offset));
    return index < 0 ? null : { path: [index], node: node.items[index]!, key: null };
  }
  if (node.kind !== "object") return null;
  for (const { key, value } of node.members) {
    if (key.offset > offset) return null;
    const inKey = holds(key, offset);
    if (inKey || holds(value, offset)) {
      return { path: [stringValue(tree.text, key)], node: value, key: inKey ? key : null };
    }
  }
  return null;
}

function holds({ offset, length }: { offset: number; length: number }, at: number): boolean {
  return at >= offset && at <= offset + length;
}
