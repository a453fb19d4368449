import { messageKeys } from "../formats/chat";
import type { Dialect, JsonObject } from "../formats/format";
import { closestName } from "../formats/spelling";
import { type JsonNode, nodeAt, stringValue } from "../json";
import { keyAt, valueFrom, withoutParts } from "./edits";
import type { Proposal, Row, RowFix } from "./fix";

/** Keys: misspelled, unknown, repeated. */

type ObjectNode = JsonNode & { kind: "object" };

export const renameKey: RowFix = {
  id: "rename-key",
  checks: ["missing-field", "unknown-field"],
  title: "Rename the misspelled keys",
  safe: true,
  propose(row, finding) {
    const { tree, dialect } = row;
    if (tree === null || dialect === null) return null;
    const lacking = valueFrom(tree, finding.offset);
    if (lacking?.kind === "object" && lacking !== tree.root) return renameMessageKeys(row, lacking, dialect);
    const found = keyAt(tree, finding.offset);
    const value = row.value;
    if (!found || value === null || found.object !== tree.root) return null;
    const expected = absentName(value, nameAt(row.text, found.object, found.index), dialect);
    return expected === null ? null : rename(row.text, [[found.object, found.index, expected]]);
  },
};

/** The part of the file's format that `key` is a wrong name of. */
function absentName(value: JsonObject, key: string, { format, layout }: Dialect): string | null {
  const absent = format.parts.filter(({ name }) => {
    const path = layout[name];
    return path?.length === 1 && !Object.hasOwn(value, path[0]!);
  });
  const used = Object.values(layout).map((path) => String(path[0]));
  if (used.includes(key)) return null;
  const spelled = absent.find(({ spellings }) => spellings.includes(key));
  if (spelled) return String(layout[spelled.name]![0]);
  const near = absent.find(({ name, spellings }) =>
    closestName(key, [String(layout[name]![0]), ...spellings.slice(0, 1)]),
  );
  return near ? String(layout[near.name]![0]) : null;
}

/** In a message: "from" and "value" where the file has "role" and "content", or slips in them. */
function renameMessageKeys(row: Row, message: ObjectNode, dialect: Dialect): Proposal | null {
  const keys = messageKeys(dialect);
  if (keys === null) return null;
  const names = message.members.map((_, index) => nameAt(row.text, message, index));
  const foreign = [
    [keys.role, ["role", "from", "speaker", "author"]],
    [keys.content, ["content", "value", "text", "message"]],
  ] as const;
  const renames: [ObjectNode, number, string][] = [];
  for (const [expected, known] of foreign) {
    if (names.includes(expected)) continue;
    const near = names.find((name) => known.some((other) => other === name)) ?? closestName(expected, names);
    if (near) renames.push([message, names.indexOf(near), expected]);
  }
  return renames.length === 0 ? null : rename(row.text, renames);
}

function rename(text: string, renames: readonly [ObjectNode, number, string][]): Proposal {
  const change = renames
    .map(([object, index, name]) => ({ ...placeOf(object, index), text: JSON.stringify(name) }))
    .sort((a, b) => a.offset - b.offset);
  const [object, index, name] = renames[0]!;
  const others = renames.slice(1).map(([, , other]) => ` and "${other}"`);
  const from = renames.length === 1 ? ` "${shown(nameAt(text, object, index))}"` : "";
  return { title: `Rename${from || " the keys"} to "${name}"${others.join("")}`, change, certain: true };
}

export const removeField: RowFix = {
  id: "remove-field",
  checks: ["unknown-field"],
  title: "Remove the fields that other rows do not have",
  safe: false,
  propose({ tree, text }, finding) {
    const found = tree && keyAt(tree, finding.offset);
    if (!found) return null;
    const title = `Remove the field "${shown(nameAt(text, found.object, found.index))}"`;
    return { title, change: withoutMembers(found.object, [found.index]), certain: false };
  },
};

export const removeRepeatedKey: RowFix = {
  id: "remove-repeated-key",
  checks: ["duplicate-key"],
  title: "Remove the repeated keys that do not count",
  safe: true,
  propose({ tree, text }, finding) {
    const found = tree && keyAt(tree, finding.offset);
    if (!found) return null;
    const name = nameAt(text, found.object, found.index);
    const same: number[] = [];
    for (let index = 0; index < found.object.members.length; index++) {
      if (nameAt(text, found.object, index) === name) same.push(index);
    }
    if (same.length < 2) return null;
    const change = withoutMembers(found.object, same.slice(0, -1));
    return { title: `Keep the last "${shown(name)}" alone, the one that counts`, change, certain: true };
  },
};

export const makeText: RowFix = {
  id: "make-text",
  checks: ["wrong-type"],
  title: "Put numbers and truth values in quotes",
  safe: false,
  propose({ tree, text }, finding) {
    const node = tree && valueFrom(tree, finding.offset);
    if (!node || (node.kind !== "number" && node.kind !== "true" && node.kind !== "false")) return null;
    const raw = text.slice(node.offset, node.offset + node.length);
    const change = [{ offset: node.offset, length: node.length, text: `"${raw}"` }];
    return { title: `Put ${raw.slice(0, 40)} in quotes`, change, certain: true };
  },
};

/** Messages that were written as a text, as data frames do, or one message without its array. */
export const makeMessages: RowFix = {
  id: "make-messages",
  checks: ["wrong-type"],
  title: "Write the messages as an array",
  safe: false,
  propose(row, finding) {
    const { dialect, tree, text } = row;
    const path = dialect && messageKeys(dialect) && dialect.layout.messages;
    const node = tree && path && nodeAt(tree, path);
    if (!node || node.offset !== finding.offset) return null;
    const { offset, length } = node;
    if (node.kind === "object") {
      const change = [
        { offset, length: 0, text: "[" },
        { offset: offset + length, length: 0, text: "]" },
      ];
      return { title: "Put the message in an array", change, certain: true };
    }
    const inner = node.kind === "string" ? stringValue(text, node).trim() : "";
    if (!inner.startsWith("[") || /[\r\n]/.test(inner) || !isArray(inner)) return null;
    return { title: "Unpack the messages from the text", change: [{ offset, length, text: inner }], certain: true };
  },
};

function isArray(text: string): boolean {
  try {
    return Array.isArray(JSON.parse(text));
  } catch {
    return false;
  }
}

/** The members' edits; what stands around their commas stays. */
export function withoutMembers(object: ObjectNode, indices: readonly number[]) {
  const parts = object.members.map(({ key, value }) => ({
    offset: key.offset,
    length: value.offset + value.length - key.offset,
  }));
  return withoutParts(parts, indices);
}

function nameAt(text: string, object: ObjectNode, index: number): string {
  return stringValue(text, object.members[index]!.key);
}

function placeOf(object: ObjectNode, index: number): { offset: number; length: number } {
  const { offset, length } = object.members[index]!.key;
  return { offset, length };
}

function shown(name: string): string {
  return name.length > 40 ? `${name.slice(0, 40)}…` : name;
}
