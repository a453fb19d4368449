import { type CheckId, checkIds, checks } from "../checks/table";
import { messageKeys } from "../formats/chat";
import { type JsonTree, memberOf } from "../json";
import type { Row, RowFix, TextEdit } from "./fix";

/** Fixes of the row as a whole: into an object, into several rows, or out of the file. */

export const makeObject: RowFix = {
  id: "make-object",
  checks: ["not-an-object", "no-data-set"],
  title: "Make an object of each row",
  safe: false,
  propose({ tree, dialect }) {
    const key = tree && wrappingKey(tree, dialect);
    if (!tree || key === null) return null;
    const { offset, length } = tree.root;
    const change = [
      { offset, length: 0, text: `{${JSON.stringify(key)}: ` },
      { offset: offset + length, length: 0, text: "}" },
    ];
    return { title: `Make it {${JSON.stringify(key)}: …}`, change, certain: true };
  },
};

/** What the file, or a file of such rows, calls what stands there without an object. */
function wrappingKey(tree: JsonTree, dialect: Row["dialect"]): string | null {
  const { root } = tree;
  if (root.kind === "string") return dialect === null ? "text" : topKey(dialect, "text");
  if (root.kind !== "array" || root.items.length === 0) return null;
  const [first] = root.items;
  const speaks = (key: string) => first?.kind === "object" && memberOf(tree, first, key) !== null;
  if (dialect === null) return speaks("role") ? "messages" : speaks("from") ? "conversations" : null;
  const keys = messageKeys(dialect);
  return keys && speaks(keys.role) ? topKey(dialect, "messages") : null;
}

function topKey(dialect: NonNullable<Row["dialect"]>, part: string): string | null {
  if (!dialect.format.parts.some(({ name, required }) => name === part && required)) return null;
  const path = dialect.layout[part] ?? [part];
  return path.length === 1 ? String(path[0]) : null;
}

export const splitArray: RowFix = {
  id: "split-array",
  checks: ["not-an-object", "no-data-set"],
  title: "Put each item of an array on a line of its own",
  safe: false,
  propose({ tree, dialect }) {
    if (tree?.root.kind !== "array" || wrappingKey(tree, dialect) !== null) return null;
    const { items, offset, length } = tree.root;
    const [first] = items;
    if (!first || !items.every(({ kind }) => kind === "object")) return null;
    const change: TextEdit[] = [];
    let from = offset;
    for (const item of items) {
      change.push({ offset: from, length: item.offset - from, text: item === first ? "" : "\n" });
      from = item.offset + item.length;
    }
    change.push({ offset: from, length: offset + length - from, text: "" });
    const title = items.length === 1 ? "Take the row out of its array" : "Put each item on a line of its own";
    return { title, change, certain: true };
  },
};

/** Not removed: what says something of the file, and what another fix would lose nothing by. */
const KEPT: ReadonlySet<CheckId> = new Set<CheckId>([
  "duplicate-key",
  "byte-order-mark",
  "mixed-line-ends",
  "blank-line",
  "no-data-set",
  "empty-file",
  "unknown-field",
  "template-mismatch",
  "preference-data",
  "task-imbalance",
  "duplicate-row",
  "empty-answer",
  "empty-instruction",
  "mixed-indentation",
  "near-duplicate",
  "conflicting-answers",
]);

function removal(about: Pick<RowFix, "id" | "checks" | "title">, single: string, certain: boolean): RowFix {
  return { ...about, safe: false, propose: () => ({ title: single, change: "drop", certain }) };
}

export const removeDuplicate = removal(
  { id: "remove-duplicate", checks: ["duplicate-row"], title: "Remove the duplicate rows" },
  "Remove this duplicate row",
  true,
);

export const removeEmpty = removal(
  { id: "remove-empty", checks: ["empty-answer", "empty-instruction"], title: "Remove the rows with an empty text" },
  "Remove the row",
  true,
);

/** Which of two rows is to stay is a choice that each pair needs. */
export const removeOneOfTwo = removal(
  { id: "remove-one-of-two", checks: ["near-duplicate", "conflicting-answers"], title: "Remove the later rows" },
  "Remove this row and keep the other",
  false,
);

export const removeRow = removal(
  {
    id: "remove-row",
    checks: checkIds.filter((check) => !KEPT.has(check) && isAboutRows(check)),
    title: "Remove the rows",
  },
  "Remove the row",
  false,
);

function isAboutRows(check: CheckId): boolean {
  return checks[check].severity === "error" || checks[check].stage !== "structure";
}
